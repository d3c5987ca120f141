"""A history in memory that answers when a test says so, or refuses."""

from collections.abc import Callable
from functools import partial

from camrelay.core.errors import Rejected
from camrelay.core.history import Keep, Page, Position, Said
from camrelay.history.memory import MemoryHistory
from camrelay.ports import Answer
from camrelay.testing import ManualClock

REFUSAL = Rejected("not-stored", "the store is away", is_garbage=False)


class LateHistory(MemoryHistory):
    """Keeps the promises of a history, each answer as late as `answer` is called."""

    is_away = False

    def __init__(self) -> None:
        """It has a clock of its own."""
        clock = ManualClock()
        super().__init__(clock)
        self.advance = clock.advance
        self._calls: list[Callable[[], None]] = []

    @property
    def is_asked(self) -> bool:
        """Somebody waits for an answer."""
        return bool(self._calls)

    def answer(self) -> None:
        """Everything that was asked for is carried out, in order."""
        calls, self._calls = self._calls, []
        for call in calls:
            call()

    def overtake(self) -> None:
        """What was asked for last is carried out first."""
        self._calls.reverse()

    def room_opened(self, path: str, keep: Keep, done: Answer[Position]) -> None:
        """Later."""
        self._put_off(partial(super().room_opened, path, keep), done)

    def append(self, path: str, said: Said, done: Answer[Position]) -> None:
        """Later."""
        self._put_off(partial(self._append, path, said), done)

    def _append(self, path: str, said: Said, done: Answer[Position]) -> None:
        if path in self._rooms:
            super().append(path, said, done)
        else:
            done(REFUSAL)

    def read(self, path: str, after: int | None, limit: int, done: Answer[Page]) -> None:
        """Later."""
        self._put_off(partial(self._read, path, after, limit), done)

    def _read(self, path: str, after: int | None, limit: int, done: Answer[Page]) -> None:
        if path in self._rooms:
            super().read(path, after, limit, done)
        else:
            done(REFUSAL)

    def room_closed(self, path: str) -> None:
        """A room that was never opened is not closed."""
        if path in self._rooms:
            super().room_closed(path)

    def _put_off(self, call: Callable[[Answer[Position]], None], done: Answer[Position]) -> None:
        if self.is_away:
            self._calls.append(partial(done, REFUSAL))
        else:
            self._calls.append(partial(call, done))
