"""The arithmetic of docs/scale.md: a million connections, from what was measured on one machine."""

from dataclasses import dataclass, replace
from math import ceil

from harness.cluster.costs import Measured
from harness.cluster.results import Results

CONNECTIONS = 1_000_000
MEMBERS = 10
ROOMS = CONNECTIONS // MEMBERS
PING_SECONDS = 22
KERNEL_KIB = 4
"""For the two ends of an idle socket's buffers and its structures: Linux 6.18."""
PACKET_BYTES = 150
"""A position with its WebSocket, TLS, TCP and IP headers."""
FULL = 1 / 2
"""The share of a core that a worker or a Redis may be planned to use."""
WORKERS_OF_A_MACHINE = 16
GIGABIT = 1e9 / 8


@dataclass(frozen=True, slots=True)
class Relay:
    """A million connections on so many workers with so many messages a second."""

    measured: Measured
    messages: int
    workers: int
    together: bool = False
    """All members of a room are at one worker."""

    @property
    def spread(self) -> float:
        """Workers that have members of a room: ten members, each at any worker."""
        if self.together:
            return 1
        return self.workers * (1 - (1 - 1 / self.workers) ** MEMBERS)

    def cores(self) -> dict[str, float]:
        """Cores of all workers, by what they do."""
        cost = self.measured.costs("full")
        elsewhere = self.spread - 1
        each = {
            "messages in, and the sender's copy": cost.secure_take,
            "to Redis": cost.publish,
            "from Redis, and to one member": elsewhere * cost.secure_receive,
            "to the other members": (MEMBERS - 1 - elsewhere) * cost.secure_deliver,
        }
        pings = CONNECTIONS / PING_SECONDS * cost.secure_take
        return {name: self.messages * us / 1e6 for name, us in each.items()} | {
            f"ping and pong every {PING_SECONDS} s": pings / 1e6
        }

    def share(self) -> float:
        """Of a core, for each worker."""
        return sum(self.cores().values()) / self.workers

    def redis_cores(self) -> float:
        """Cores of all Redis servers."""
        take, give = self.measured.redis()
        return self.messages * (take + self.spread * give) / 1e6

    def redis_bytes(self) -> float:
        """Bytes a second out of all Redis servers."""
        return self.messages * self.spread * self.measured.envelope()

    def shards(self) -> int:
        """Redis servers, none of them more than half busy."""
        return ceil(self.redis_cores() / FULL)

    def out_bytes(self) -> float:
        """Bytes a second to all clients."""
        return self.messages * MEMBERS * PACKET_BYTES


def enough(measured: Measured, messages: int, together: bool = False) -> Relay:
    """The relay with the fewest workers, a power of two, that are not too busy."""
    relay = Relay(measured, messages, 1, together)
    while relay.share() > FULL:
        relay = replace(relay, workers=2 * relay.workers)
    return relay


def load_a(results: Results) -> str:
    """A message every two seconds in each room."""
    relay = enough(Measured(results), ROOMS // 2)
    half = replace(relay, workers=relay.workers // 2)
    return f"{_table([half, relay])}\n\n{_conclusion(relay)}"


def load_b(results: Results) -> str:
    """Ten positions a second in each room."""
    relay = enough(Measured(results), 10 * ROOMS)
    together = enough(Measured(results), 10 * ROOMS, together=True)
    half = replace(relay, workers=relay.workers // 2)
    return f"{_table([half, relay, together])}\n\n{_conclusion(relay)}"


def limits(results: Results) -> str:
    """What one of each can do."""
    measured = Measured(results)
    cost = measured.costs("full")
    take, give = measured.redis()
    spread = MEMBERS * measured.envelope()
    messages = FULL * 1e6 / (take + MEMBERS * give)
    cable = 10 * GIGABIT / spread
    room = FULL * 1e6 / cost.secure_deliver
    rows = {
        "one Redis, half a core, each room on ten workers": f"{messages:,.0f} messages/s",
        "its network card of 10 Gbit/s": f"{cable:,.0f} messages/s",
        "one worker that only receives, half a core": (
            f"{FULL * 1e6 / cost.secure_receive:,.0f} messages/s"
        ),
        "one room at one worker, half a core": (
            f"{room:,.0f} deliveries/s: one camera at 10 Hz and {room / 10:,.0f} members"
        ),
        "signs of life, one a second from each node to all": (
            ", ".join(f"{nodes**2:,} /s among {nodes:,}" for nodes in (16, 256, 1024))
        ),
        "everybody within a minute, after a power cut": (
            f"{CONNECTIONS / 60 * measured.connection(secure=True)[0] / 1e6:.1f} cores, once"
        ),
    }
    return "\n".join(
        ["| | |", "| --- | --- |", *(_row(name, [cell]) for name, cell in rows.items())]
    )


def _table(relays: list[Relay]) -> str:
    heads = [f"{each.workers} workers{', rooms together' * each.together}" for each in relays]
    parts = [relay.cores() for relay in relays]
    rows = {name: [f"{part[name]:.1f} cores" for part in parts] for name in parts[0]} | {
        "**each worker**": [f"**{each.share():.2f} core**" for each in relays],
        "its connections": [f"{CONNECTIONS / each.workers:,.0f}" for each in relays],
        "memory for these": [f"{_gib(each):.1f} GiB" for each in relays],
        "to it from Redis": [_rate(each.redis_bytes() / each.workers) for each in relays],
        "from it to its clients": [_rate(each.out_bytes() / each.workers) for each in relays],
        "workers that have members of a room": [f"{each.spread:.1f}" for each in relays],
        "Redis": [f"{each.redis_cores():.2f} core" for each in relays],
        "out of Redis": [_rate(each.redis_bytes()) for each in relays],
        "**Redis servers**": [f"**{each.shards()}**" for each in relays],
    }
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(relays)}"]
    return "\n".join([*lines, *(_row(name, cells) for name, cells in rows.items())])


def _conclusion(relay: Relay) -> str:
    workers = min(relay.workers, WORKERS_OF_A_MACHINE)
    machines = relay.workers // workers
    memory = workers * _gib(relay)
    hosts = "one machine" if machines == 1 else f"{machines} machines"
    servers = "one Redis" if relay.shards() == 1 else f"{relay.shards()} Redis shards"
    cores = workers + workers // 4
    return (
        f"By plain multiplication: **{hosts} with {workers} workers ({cores} cores, and"
        f" {memory:.0f} GiB for the connections), and {servers}.**"
    )


def _gib(relay: Relay) -> float:
    """Memory for the connections of a worker."""
    kept = relay.measured.connection(secure=True)[1] + KERNEL_KIB
    return CONNECTIONS * kept / relay.workers / 1024**2


def _rate(value: float) -> str:
    return f"{value / 1e9:.2f} GB/s" if value >= 1e9 else f"{value / 1e6:.1f} MB/s"


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"
