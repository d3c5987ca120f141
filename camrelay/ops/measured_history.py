"""A history with metrics."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from camrelay.core.errors import Rejected
from camrelay.core.histogram import Histogram
from camrelay.core.history import Keep, Page, Position, Said
from camrelay.core.traffic import WORK_SECONDS
from camrelay.ops.families import Family, counter, gauge, histogram
from camrelay.ports import Answer, History, Remembering

_T = TypeVar("_T")


class MeasuredHistory:
    """A `camrelay.ports.History` around another one, with metrics.

    A store that is full still tells what is in it: only a message that is stored proves that others
    will be.
    """

    def __init__(self, history: History, now: Callable[[], float]) -> None:
        """`now`: seconds of a clock that never runs backwards."""
        self._history = history
        self._now = now
        self._seconds = Histogram(WORK_SECONDS)
        self._waiting = 0
        self._waiting_bytes = 0
        self._stored = 0
        self._refused = 0
        self._not_stored = ""
        self._not_told = ""

    @property
    def trouble(self) -> str:
        """Why the last message was not stored, or the last question not answered, for people.

        Empty when all is well.
        """
        return self._not_stored or self._not_told

    def serve(self, relay: Remembering) -> None:
        """Tell `relay` what was stored."""
        self._history.serve(relay)

    def room_opened(self, path: str, keep: Keep, done: Answer[Position]) -> None:
        """Open a room."""
        self._history.room_opened(path, keep, partial(self._told, done))

    def room_closed(self, path: str) -> None:
        """Close it."""
        self._history.room_closed(path)

    def append(self, path: str, said: Said, done: Answer[Position]) -> None:
        """Store `said`."""
        size = len(said.message.body)
        self._waiting += 1
        self._waiting_bytes += size
        self._history.append(path, said, partial(self._appended, done, size, self._now()))

    def read(self, path: str, after: int | None, limit: int, done: Answer[Page]) -> None:
        """Answer with what is kept."""
        self._history.read(path, after, limit, partial(self._told, done))

    def _appended(
        self, done: Answer[Position], size: int, began: float, answer: Position | Rejected
    ) -> None:
        self._waiting -= 1
        self._waiting_bytes -= size
        self._seconds.observe(self._now() - began)
        self._not_stored = self._trouble_in(answer)
        if not self._not_stored:
            self._stored += 1
            self._not_told = ""
        done(answer)

    def _told(self, done: Answer[_T], answer: _T | Rejected) -> None:
        self._not_told = self._trouble_in(answer)
        done(answer)

    def _trouble_in(self, answer: object) -> str:
        if not isinstance(answer, Rejected):
            return ""
        self._refused += 1
        return answer.detail

    def families(self) -> Iterator[Family]:
        """What was measured."""
        yield counter("camrelay_history_stored", "Messages that were stored.", self._stored)
        yield counter(
            "camrelay_history_refused",
            "Messages that were not stored, and reads that were not answered.",
            self._refused,
        )
        yield histogram(
            "camrelay_history_append_seconds",
            "Time from an append to its answer, whether the message was stored or not.",
            self._seconds,
        )
        yield gauge("camrelay_history_waiting", "Messages that wait to be stored.", self._waiting)
        yield gauge(
            "camrelay_history_waiting_bytes",
            "Bytes of messages that wait to be stored.",
            self._waiting_bytes,
        )
        yield gauge(
            "camrelay_history_trouble",
            "1 if the last message was not stored, or the last read not answered.",
            float(bool(self.trouble)),
            together="max",
        )
