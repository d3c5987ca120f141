"""One load on a running cluster, and what each of its processes used meanwhile."""

import time
from dataclasses import dataclass
from typing import Any

import redis

from harness.client import Errand, LoadClient
from harness.cluster.plan import CLOSED, LOADS
from harness.cluster.serving import Cluster, cpu_seconds, family
from harness.measuring import Times, Usage, figures_of
from harness.peers import Peer, PeerError

KEPT = ("deliveries_per_second", "latency_ms", "expected", "lost", "dropped", "stalls", "client")
KEPT_OF_OPENING = ("us_per_connection", "kib_per_connection")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores servers and Redis run on, and which the client, as for taskset."""

    servers: str
    client: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was used so far: CPU seconds of each process of each node and of Redis, its bytes."""

    clock: float
    nodes: list[list[float]]
    redis: float
    redis_in: int
    redis_out: int


class Meter:
    """Looks at all processes whenever the client says that it is so far."""

    def __init__(self, cluster: Cluster) -> None:
        """Nothing is looked at yet."""
        self._cluster = cluster
        self._families: list[list[int]] = []
        self._looks: dict[str, Look] = {}

    def look(self, word: str) -> None:
        """Look at them at `open`, `begin` or `end`."""
        cluster = self._cluster
        if not self._families:
            self._families = [family(pid) for pid, _port in cluster.nodes]
        stats = {"total_net_input_bytes": 0, "total_net_output_bytes": 0}
        if cluster.socket:
            with redis.Redis(unix_socket_path=str(cluster.socket)) as connection:
                stats = connection.info("stats")
        self._looks[word] = Look(
            time.monotonic(),
            [[cpu_seconds(pid) for pid in pids] for pids in self._families],
            cpu_seconds(cluster.redis) if cluster.redis else 0.0,
            stats["total_net_input_bytes"],
            stats["total_net_output_bytes"],
        )

    def used(self) -> dict[str, Any]:
        """Between `begin` and `end`: cores used by each, and bytes a second in and out of Redis."""
        begin, end = self._looks["begin"], self._looks["end"]
        seconds = end.clock - begin.clock
        return {
            "node_cores": [
                [round((now - then) / seconds, 6) for now, then in zip(*pair, strict=True)]
                for pair in zip(end.nodes, begin.nodes, strict=True)
            ],
            "redis_cores": round((end.redis - begin.redis) / seconds, 6),
            "redis_in": round((end.redis_in - begin.redis_in) / seconds),
            "redis_out": round((end.redis_out - begin.redis_out) / seconds),
        }


def measure(cluster: Cluster, peer: Peer, load: str, times: Times, cores: Cores) -> dict[str, Any]:
    """The figures of one load. Raises PeerError if there are none."""
    meter = Meter(cluster)
    publish_port, port = cluster.nodes[0][1], cluster.nodes[-1][1]
    errand = Errand(
        url=f"{'wss' if cluster.secure else 'ws'}://127.0.0.1:{port}{peer.path}",
        options=(*times.options(), f"--publish-port={publish_port}", *LOADS[load].split()),
        server=cluster.nodes[0][0],
        dialect=peer.dialect,
        certificate=None,
        cores=cores.client,
        told=meter.look,
    )
    before = Usage(*cluster.pids())
    report = LoadClient().run(errand)
    others = Usage(*cluster.pids()).others_since(before)
    used = meter.used()
    if load == CLOSED and any(0 in node[1:] for node in used["node_cores"]):
        raise PeerError("one of its processes got no connection")
    figures = figures_of(report)
    kept = KEPT + KEPT_OF_OPENING * (load == "idle")
    return {
        "messages_per_second": round(report["messages_per_second"], 1),
        **{name: figures[name] for name in kept},
        **used,
        "others": round(others, 2),
    }
