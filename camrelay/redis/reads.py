"""What members ask for of the past of one room."""

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from camrelay.core.errors import Rejected
from camrelay.core.history import Page
from camrelay.ports import Answer, Clock
from camrelay.redis.errors import LinkError
from camrelay.redis.ledger import Ledger
from camrelay.redis.state import in_words
from camrelay.redis.turnstile import Turnstile

Question = tuple[int | None, int]


class Reads:
    """Asks each question once, however many members wait for their turn with it.

    A thousand phones that come back from the same tunnel missed the same messages.
    """

    def __init__(self, ledger: Ledger, clock: Clock, few: Turnstile) -> None:
        """`few` bounds what is read at the same time, in all rooms."""
        self._ledger = ledger
        self._clock = clock
        self._few = few
        self._waiting: dict[Question, list[Answer[Page]]] = {}

    def read(self, after: int | None, limit: int, done: Answer[Page]) -> None:
        """See History; the answer has everything that was stored before the call."""
        question = (after, limit)
        if question in self._waiting:
            self._waiting[question].append(done)
        else:
            self._waiting[question] = [done]
            self._few.enter(partial(self._ask, question))

    def _ask(self, question: Question) -> Deferred[Any]:
        waiting = self._waiting.pop(question)  # who comes now may want something newer
        answer = self._ledger.read(*question, self._clock.unix()).addErrback(_in_words)
        return answer.addCallback(partial(_tell, waiting))


def _in_words(failure: Failure) -> Rejected:
    failure.trap(LinkError)
    why = f"what was said before cannot be read: {in_words(failure)}"
    return Rejected("not-stored", why, is_garbage=False)


def _tell(waiting: list[Answer[Page]], answer: Page | Rejected) -> None:
    for done in waiting:
        done(answer)
