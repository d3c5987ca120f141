"""Where the frames of one subscriber go: the only interface that the core calls."""

from typing import Protocol

from camrelay.core.errors import CloseReason


class Sink(Protocol):
    """One open connection, as the core sees it."""

    def write(self, frames: bytes) -> None:
        """Send whole frames now, in the order of the calls; what the kernel refuses is buffered.

        May report backpressure before it returns. Does nothing once the connection is closing.
        """
        ...

    def close(self, reason: CloseReason) -> None:
        """Close the connection: later writes do nothing."""
        ...
