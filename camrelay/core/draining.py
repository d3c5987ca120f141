"""How a node drains: when each connection is closed, and when its client should reconnect.

Clients that are disconnected at the same moment reconnect at the same moment, with a TLS handshake
each. So connections are closed evenly over some time, each with its own time to reconnect.
"""

from dataclasses import dataclass
from math import floor

# Seconds from the end of a process to the next one that takes connections.
RESTART_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DrainPlan:
    """From `began` on (seconds of any clock), `connections` are closed within `seconds`.

    `elsewhere`: other processes serve meanwhile, so that clients may reconnect at any time.
    """

    began: float
    seconds: float
    connections: int
    elsewhere: bool = False

    def most_left(self, now: float) -> int:
        """How many may still be open: the first is closed at once, the last before the end."""
        elapsed = now - self.began
        if elapsed >= self.seconds:
            return 0
        return self.connections - 1 - floor(self.connections * elapsed / self.seconds)

    def return_in(self, now: float, chance: float) -> float:
        """Seconds after which a client should reconnect; `chance` from 0 to 1 spreads them.

        At the earliest when the next process runs, and spread over the drain time.
        """
        if self.elsewhere:
            return chance
        left = max(0.0, self.began + self.seconds - now)
        return left + RESTART_SECONDS + chance * max(1.0, self.seconds)
