"""The number of connections, in all and from one address, and its limits."""

from collections import Counter
from collections.abc import Callable

from camrelay.core.errors import Denied

# Connections beyond the limit that are still let in far enough to be told so.
COURTESY = 64


class Doorman:
    """Counts connections. The address is None for those that have none (unix sockets).

    `open` are there now, `arrived` since the start.
    """

    def __init__(self, in_all: int, per_address: int) -> None:
        """`in_all` and `per_address`: how many may be open at once; 0 is no limit."""
        self.in_all = in_all
        self.open = 0
        self.arrived = 0
        self._per_address = per_address
        self._by_address: Counter[str] = Counter()
        self._retry_after: Callable[[], int] | None = None

    def refuse(self, retry_after: Callable[[], int]) -> None:
        """From now on nobody gets a seat; `retry_after()`: in how many seconds elsewhere."""
        self._retry_after = retry_after

    @property
    def is_empty(self) -> bool:
        """Nobody is connected."""
        return not self.open

    def arrive(self) -> bool:
        """A connection was accepted; False when it must go without a word."""
        if self.in_all and self.open >= self.in_all + COURTESY:
            return False
        self.open += 1
        self.arrived += 1
        return True

    def admit(self, address: str | None) -> None:
        """Give the connection a seat. Raises Denied(503) or Denied(429), and it has none then."""
        if self._retry_after is not None:
            seconds = self._retry_after()
            raise Denied(503, f"this server is going away: come back in {seconds} s", seconds)
        if self.in_all and self.open > self.in_all:
            raise Denied(503, "this server is full: try again later")
        if address is None:
            return
        if self._per_address and self._by_address[address] >= self._per_address:
            raise Denied(
                429,
                f"{address} already has {self._per_address} connections here "
                "(the operator's --connections-per-address)",
            )
        self._by_address[address] += 1

    def leave(self, address: str | None) -> None:
        """A connection with a seat gives it up."""
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def depart(self) -> None:
        """A connection that arrived is gone."""
        self.open -= 1
