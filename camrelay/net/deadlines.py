"""One timer for everybody who must be done in time."""

from collections.abc import Callable
from typing import Generic, TypeVar

_Waiting = TypeVar("_Waiting")


class Deadlines(Generic[_Waiting]):
    """Things that have `seconds` from when they were added; `tick` is to be called now and then."""

    def __init__(
        self, seconds: float, now: Callable[[], float], expired: Callable[[_Waiting], None]
    ) -> None:
        """`expired` is called for each one whose time is over."""
        self._seconds = seconds
        self._now = now
        self._expired = expired
        self._due: dict[_Waiting, float] = {}  # everybody has the same time: oldest first

    def add(self, waiting: _Waiting) -> None:
        """Its time starts now, or anew."""
        self.discard(waiting)
        self._due[waiting] = self._now() + self._seconds

    def discard(self, waiting: _Waiting) -> None:
        """It was done in time, or is gone. May be repeated."""
        self._due.pop(waiting, None)

    def tick(self) -> None:
        """Expire those whose time is over."""
        now = self._now()
        late = []
        for waiting, due in self._due.items():
            if due > now:
                break
            late.append(waiting)
        for waiting in late:
            self.discard(waiting)
            self._expired(waiting)
