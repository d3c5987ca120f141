"""Waiting for something to become true."""

from twisted.internet.defer import Deferred


class Gate:
    """Releases all waiters when it is opened; later ones wait for the next time."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: list[Deferred[None]] = []

    def wait(self) -> Deferred[None]:
        """Fires at the next `open`; may be cancelled."""
        passing: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(passing)
        return passing

    def open(self) -> None:
        """Release all waiters."""
        waiting, self._waiting = self._waiting, []
        for passing in waiting:
            passing.callback(None)

    def close(self, error: Exception) -> None:
        """Fail all waiters with `error`."""
        waiting, self._waiting = self._waiting, []
        for passing in waiting:
            passing.errback(error)
