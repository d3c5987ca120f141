"""Where the frames of one subscriber go: the one thing that the rules call outwards."""

from typing import Protocol

from camrelay.core.errors import CloseReason


class Sink(Protocol):
    """One open connection, seen from the rules."""

    def write(self, frames: bytes) -> None:
        """Send whole frames now, in the order of the calls; what the kernel does not take is kept.

        May report backpressure before it returns. Does nothing once the connection is closing.
        """
        ...

    def close(self, reason: CloseReason) -> None:
        """End the connection: nothing that is written later leaves any more."""
        ...
