"""A bound on what is asked of Redis at the same time."""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

Work = Callable[[], Deferred[Any]]


class Turnstile:
    """Runs a limited number of jobs at a time; the others wait, in order."""

    def __init__(self, places: int) -> None:
        """No job is running."""
        self._free = places
        self._waiting: deque[Work] = deque()
        self._is_turning = False

    def enter(self, work: Work) -> None:
        """Call `work`, now or later; it is in until its Deferred has fired."""
        self._waiting.append(work)
        self._turn()

    def _turn(self) -> None:
        # Work that is over at once lets the next one in from here, not from within itself: when
        # Redis is gone, thousands are over at once.
        if self._is_turning:
            return
        self._is_turning = True
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft()().addBoth(self._leave)
        self._is_turning = False

    def _leave(self, result: Any) -> Any:
        self._free += 1
        self._turn()
        return result
