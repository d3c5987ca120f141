"""What is asked of a room before it is known where it stands."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from camrelay.ports import Answer
from camrelay.redis.shared import Shared

# Bytes that may wait in all rooms of a node, and what each question counts beside its message.
MOST_BYTES = 1 << 20
OVERHEAD = 500

TOO_MUCH = "too many messages wait for rooms to be opened"


class Question(NamedTuple):
    """Something to ask Redis for; `otherwise` is what `done` is told when it cannot be asked."""

    ask: Callable[[], None]
    done: Answer[Any]
    otherwise: str
    size: int = 0


class Early:
    """The questions of one room, in order. Bounded, together with those of all other rooms."""

    def __init__(self, shared: Shared) -> None:
        """Nothing was asked."""
        self._shared = shared
        self._questions: list[Question] = []

    def add(self, question: Question) -> None:
        """Let it wait, or refuse it."""
        size = OVERHEAD + question.size
        if self._shared.early_bytes + size > MOST_BYTES:
            self._shared.refuse(question.done, question.otherwise, TOO_MUCH)
        else:
            self._shared.early_bytes += size
            self._questions.append(question)

    def ask(self) -> None:
        """Ask all of them."""
        for question in self._take():
            question.ask()

    def refuse(self, why: str) -> None:
        """None of them will be asked."""
        for question in self._take():
            self._shared.refuse(question.done, question.otherwise, why)

    def _take(self) -> Sequence[Question]:
        questions, self._questions = self._questions, []
        self._shared.early_bytes -= sum(OVERHEAD + each.size for each in questions)
        return questions
