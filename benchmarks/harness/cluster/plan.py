"""Which processes are started, and what they carry."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

CAMRELAY = "camrelay"
PEERS = (CAMRELAY, "channels-daphne-redis", "channels-daphne-pubsub")
WORKERS = (1, 2, 4)
CLOSED = "closed"
REDIS = "redis"
"""Not a load of the client, but what Redis costs by itself."""
PACES = {"calm": "--rate 10", "busy": "--rate 30", "full": "--window 1"}
"""In each of the 100 rooms in which costs are measured: messages a second, or in flight."""
IDLE_CONNECTIONS = 2000

LOADS = {
    # 20 pairs of a publisher and a subscriber: what the way between two processes takes.
    "pairs": "--rooms 20 --subscribers 1 --rate 20",
    # 1,100 deliveries a second, which all of them can do.
    "paced": "--rooms 10 --subscribers 10 --rate 10",
    # As much as they can do: the W3 of the other benchmarks.
    CLOSED: "--rooms 100 --subscribers 10 --window 4",
    # For what a message costs: with no subscriber, with one and with ten, and when nobody talks.
    "still": "--rooms 100 --subscribers 1 --idle",
    "idle": f"--rooms 1 --subscribers {IDLE_CONNECTIONS - 1} --idle",
    **{
        f"{pace} {subscribers}": f"--rooms 100 --subscribers {subscribers} {how}"
        for pace, how in PACES.items()
        for subscribers in (0, 1, 10)
    },
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What is started afresh, and then gets one load after the other."""

    peer: str
    loads: tuple[str, ...]
    workers: int = 1
    """Processes behind one port."""
    nodes: int = 1
    """Servers with a port each: publishers connect to the first, subscribers to the last."""
    redis: bool = True
    secure: bool = False

    def described(self) -> dict[str, Any]:
        """All but the loads."""
        return {name: value for name, value in asdict(self).items() if name != "loads"}

    def __str__(self) -> str:
        """For people."""
        parts = [
            f"{self.workers} workers" * (self.workers > 1),
            f"{self.nodes} nodes" * (self.nodes > 1),
        ]
        parts += ["alone" * (not self.redis), "TLS" * self.secure]
        return " ".join([self.peer, *filter(None, parts)])


def setups(peers: list[str]) -> Iterator[Setup]:
    """All of them for these peers; the loads that may leave something behind are the last."""
    for workers in WORKERS:
        for peer in peers:
            first = ("pairs",) * (workers == 1)
            yield Setup(peer, (*first, "paced", CLOSED), workers=workers)
    for peer in peers:
        yield Setup(peer, ("pairs",), nodes=2)
    if CAMRELAY in peers:
        publishing = ("still", "calm 0", "busy 0", "full 0")
        alone = (
            "idle",
            *publishing,
            "calm 10",
            "busy 10",
            "full 10",
        )  # memory first: later it is used
        yield Setup(CAMRELAY, (*alone, CLOSED), redis=False)
        yield Setup(CAMRELAY, alone, redis=False, secure=True)
        yield Setup(CAMRELAY, ("still", "calm 1", "busy 1", "full 1"), nodes=2)
