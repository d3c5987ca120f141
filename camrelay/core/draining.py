"""How a node empties itself: who is closed when, and when clients are to come back.

Connections that end in one moment come back in one moment, with a TLS handshake each. So they are
closed evenly over some time, and each client is told a time of its own for its return.
"""

from dataclasses import dataclass
from math import floor

# Seconds from the end of a process to the next one that takes connections.
RESTART_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DrainPlan:
    """From `began` on (seconds of any clock), `connections` are closed within `seconds`.

    `elsewhere`: others serve in the meantime, so that clients may come back at any time.
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
        """In how many seconds a client is to come back; `chance` from 0 to 1 spreads them.

        At the earliest when the next process is there, and over as long a time as they leave in.
        """
        if self.elsewhere:
            return chance
        left = max(0.0, self.began + self.seconds - now)
        return left + RESTART_SECONDS + chance * max(1.0, self.seconds)
