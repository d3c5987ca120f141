"""What one message costs a node and Redis."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.cluster.plan import CAMRELAY, REDIS
from harness.cluster.results import Results, Run

TEN = 10
ALONE = {"redis": False}
TWO = {"nodes": 2}


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU microseconds of a node for a message, at one pace."""

    rate: float
    """Messages a second that were published at the first of two nodes."""
    take: float
    """Read it from a client, check it, and send this client its copy."""
    publish: float
    """Besides: hand it to Redis, and hear and drop it again, as a subscriber of the room."""
    receive: float
    """Read it from Redis, and send it to one client."""
    deliver: float
    """Send it to one client more."""
    secure_take: float
    """Like `take`, over TLS."""
    secure_deliver: float
    """Like `deliver`, over TLS."""

    @property
    def secure_receive(self) -> float:
        """Like `receive`, with TLS to the client."""
        return self.receive + self.secure_deliver - self.deliver


class Measured:
    """Costs and sizes as the medians of a run have them."""

    def __init__(self, results: Results) -> None:
        """`results` must have camrelay in it."""
        self._results = results

    def costs(self, pace: str) -> Costs:
        """`pace` as in plan.PACES."""
        take = self._node(f"{pace} 0", **ALONE)
        secure_take = self._node(f"{pace} 0", secure=True, **ALONE)
        many, secure_many = (
            self._node(f"{pace} {TEN}", secure=secure, **ALONE) for secure in (False, True)
        )
        return Costs(
            rate=self._median(_messages, load=f"{pace} 1", **TWO),
            take=take,
            publish=self._node(f"{pace} 1", **TWO) - take,
            receive=self._node(f"{pace} 1", 1, **TWO),
            deliver=(many - take) / TEN,
            secure_take=secure_take,
            secure_deliver=(secure_many - secure_take) / TEN,
        )

    def redis(self) -> tuple[float, float]:
        """CPU microseconds of Redis to take a message, and to give it to a node."""
        take, give = (
            self._median(lambda run, key=key: run[key], load=REDIS)
            for key in ("redis_take", "redis_give")
        )
        return take, give

    def envelope(self) -> float:
        """Bytes that Redis sends to one node for one message."""
        still = self._median(_redis_out, load="still", **TWO)
        return self._median(
            lambda run: (_redis_out(run) - still) / _messages(run) / 2, load="calm 1", **TWO
        )

    def connection(self, secure: bool) -> tuple[float, float]:
        """CPU microseconds to open one, and KiB to keep it."""
        where = {"load": "idle", "secure": secure, **ALONE}
        return (
            self._median(lambda run: run["us_per_connection"], **where),
            self._median(lambda run: run["kib_per_connection"], **where),
        )

    def _node(self, load: str, node: int = 0, **setup: Any) -> float:
        """Microseconds of a node for each message, without what it uses when nobody talks."""

        def used(run: Run) -> float:
            return float(run["node_cores"][node][0] * 1e6)

        where = {"workers": 1, "nodes": 1, "secure": False} | setup
        still = self._median(used, load="still", **where)
        return self._median(lambda run: (used(run) - still) / _messages(run), load=load, **where)

    def _median(self, of: Callable[[Run], float], **where: Any) -> float:
        figure = self._results.figure(of, peer=CAMRELAY, **where)
        if figure is None:
            raise SystemExit(f"the results have nothing for {where}")
        return figure.median


def _messages(run: Run) -> float:
    return float(run["messages_per_second"])


def _redis_out(run: Run) -> float:
    return float(run["redis_out"])
