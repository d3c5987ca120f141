"""Waiting for something to become true."""

from twisted.internet.defer import Deferred


class Gate:
    """Those who wait pass when it is opened; who comes later waits for the next time."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: list[Deferred[None]] = []

    def wait(self) -> Deferred[None]:
        """Fires at the next `open`; may be cancelled."""
        passing: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(passing)
        return passing

    def open(self) -> None:
        """Let all pass."""
        waiting, self._waiting = self._waiting, []
        for passing in waiting:
            passing.callback(None)

    def close(self, error: Exception) -> None:
        """Nobody will pass: all who wait fail with `error`."""
        waiting, self._waiting = self._waiting, []
        for passing in waiting:
            passing.errback(error)
