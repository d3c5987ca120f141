"""A Redis and the servers of a setup, running."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.cluster.plan import Setup
from harness.peers import BENCHMARKS, Certificate, Peer, PeerError, pinned, running

START_REDIS = BENCHMARKS / "redis" / "start"
CAPACITY = 1_000_000
"""Messages that Channels' core layer may keep for a process: enough that it drops none."""
SECONDS_TO_SETTLE = 30
SECONDS_OF_SILENCE = 0.3
LITTLE = 0.01


@dataclass(frozen=True, slots=True)
class Cluster:
    """What runs."""

    nodes: tuple[tuple[int, int], ...]
    """Process id and port of each server."""
    redis: int | None
    """Its process id."""
    socket: Path | None
    """Where it listens."""
    secure: bool

    def pids(self) -> list[int]:
        """The first process of each."""
        return [pid for pid, _ in self.nodes] + ([self.redis] if self.redis else [])


@contextmanager
def serve(setup: Setup, peer: Peer, cores: str, certificate: Certificate) -> Iterator[Cluster]:
    """The setup, started afresh. Raises PeerError if it does not get ready."""
    with ExitStack() as stack:
        environment = {"CHANNEL_CAPACITY": str(CAPACITY)}
        redis, socket = None, None
        if setup.redis:
            redis, socket = stack.enter_context(start_redis(cores))
            environment["CLUSTER_REDIS"] = str(socket)
        if setup.workers > 1:
            environment["CLUSTER_WORKERS"] = str(setup.workers)
        secure = certificate if setup.secure else None
        nodes = [
            stack.enter_context(peer.serve(secure, cores, CLUSTER_NODE=f"-{number}", **environment))
            for number in range(1, setup.nodes + 1)
        ]
        for pid, _port in nodes:
            _settle(pid, setup.workers + 1 if setup.workers > 1 else 1)
        yield Cluster(tuple(nodes), redis, socket, setup.secure)


@contextmanager
def start_redis(cores: str) -> Iterator[tuple[int, Path]]:
    """A Redis: its process id and its socket."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        with running([*pinned(cores), str(START_REDIS), str(socket)], "redis") as (process, log):
            end = time.monotonic() + SECONDS_TO_SETTLE
            while not socket.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise PeerError(f"Redis does not start: see {log}")
                time.sleep(0.02)
            yield process.pid, socket


def _settle(pid: int, processes: int) -> None:
    """Return when there are so many processes and all have loaded what they need.

    The port is open before, and the first one to be ready would get all connections.
    """
    end = time.monotonic() + SECONDS_TO_SETTLE
    before, since = -1.0, time.monotonic()
    while time.monotonic() < end:
        pids = family(pid)
        used = sum(map(cpu_seconds, pids))
        if len(pids) < processes or used - before > LITTLE:
            before, since = used, time.monotonic()
        elif time.monotonic() - since > SECONDS_OF_SILENCE:
            return
        time.sleep(0.05)
    raise PeerError(f"it does not come to rest within {SECONDS_TO_SETTLE} s")


def family(pid: int) -> list[int]:
    """A process and its children and theirs, in the order in which they were started."""
    pids = [pid]
    for each in pids:
        try:
            tasks = Path(f"/proc/{each}/task/{each}/children").read_text("ascii").split()
        except OSError:
            continue
        pids += sorted(map(int, tasks))
    return pids


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, to the nanosecond (clock_getcpuclockid(3) on Linux).

    0 if it has ended.
    """
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0
