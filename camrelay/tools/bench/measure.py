"""One run: connect, publish, watch, and gather what came of it."""

import time
from dataclasses import dataclass, replace

from camrelay.tools.bench.board import Tally
from camrelay.tools.bench.fleet import Fleet, Tick
from camrelay.tools.bench.histogram import Histogram
from camrelay.tools.bench.orders import Order, Outcome
from camrelay.tools.bench.plan import Load, Plan
from camrelay.tools.bench.usage import ServerUsage

BUSY = 0.9
"""From this share of a core on, a client process may be what limits the result."""
_HEAD_START = 0.05
_HEAD_START_OF_SEVERAL = 0.3
"""Seconds until all processes have got an order; what one of them hears before is not counted."""


@dataclass(frozen=True, slots=True)
class Connected:
    """What opening the connections took."""

    connections: int
    seconds: float
    client_utilisation: float
    """CPU time per second of the busiest client process."""
    server_cpu_seconds: float | None = None
    memory_before_kib: float | None = None
    memory_after_kib: float | None = None

    @property
    def per_second(self) -> float:
        """Handshakes a second."""
        return self.connections / max(self.seconds, 1e-9)

    @property
    def kib_per_connection(self) -> float | None:
        """What the server's memory grew by for each connection."""
        if self.memory_before_kib is None or self.memory_after_kib is None:
            return None
        return (self.memory_after_kib - self.memory_before_kib) / self.connections


@dataclass(frozen=True, slots=True)
class Result:
    """What one run gave, all processes together."""

    load: Load
    outcomes: list[Outcome]
    latencies: Histogram
    server_utilisation: float | None = None
    """CPU time of the server per second; several processes may use more than 1."""
    memory_kib: float | None = None
    churned: int = 0
    churn_refused: int = 0
    handshakes: Histogram | None = None

    @property
    def seconds(self) -> float:
        """How long was measured."""
        return max(outcome.measured.seconds for outcome in self.outcomes)

    @property
    def received(self) -> int:
        """Deliveries in the measured time."""
        return sum(outcome.measured.received for outcome in self.outcomes)

    @property
    def deliveries_per_second(self) -> float:
        """Deliveries a second in the measured time."""
        return self.received / self.seconds

    @property
    def messages_per_second(self) -> float:
        """Messages published a second in the measured time."""
        return sum(outcome.measured.sent for outcome in self.outcomes) / self.seconds

    @property
    def expected_in_all(self) -> int:
        """Deliveries that everything published in the run should have made."""
        return sum(outcome.expected for outcome in self.outcomes)

    @property
    def lost(self) -> int:
        """How many of those are missing; negative if there were more than expected."""
        return self.expected_in_all - sum(outcome.received for outcome in self.outcomes)

    @property
    def dropped(self) -> int:
        """Connections that ended in the run."""
        return sum(outcome.dropped for outcome in self.outcomes)

    @property
    def utilisations(self) -> list[float]:
        """CPU time per second of each client process: at 1 it can do no more."""
        return [each.measured.cpu_seconds / each.measured.seconds for each in self.outcomes]

    @property
    def server_us_per_delivery(self) -> float | None:
        """CPU time of the server for each delivery, microseconds."""
        if self.server_utilisation is None or not self.received:
            return None
        return self.server_utilisation * 1e6 / self.deliveries_per_second

    @property
    def client_is_the_limit(self) -> bool:
        """Whether a client process was too busy to be trusted."""
        return max(self.utilisations) > BUSY

    def latency_ms(self, percent: float) -> float | None:
        """A percentile of the one-way latency, milliseconds; None if nothing was sampled."""
        latency = self.latencies.percentile(percent)
        return None if latency is None else latency / 1e6


def connect(fleet: Fleet, usage: ServerUsage | None, tick: Tick) -> Connected:
    """Open all connections of the plan, let the server settle, and see what it took."""
    cpu = memory = None
    if usage:
        usage.look_for_children()
        cpu, memory = usage.cpu_seconds(), usage.memory_kib()
    opened = fleet.open_connections(tick)
    wait_until(time.monotonic() + fleet.plan.timing.settle, tick)
    connected = Connected(
        connections=fleet.plan.topology.connections(),
        seconds=max(each.seconds for each in opened),
        client_utilisation=max(each.cpu_seconds / each.seconds for each in opened),
    )
    if not usage or cpu is None:
        return connected
    usage.look_for_children()
    return replace(
        connected,
        server_cpu_seconds=usage.cpu_seconds() - cpu,
        memory_before_kib=memory,
        memory_after_kib=usage.memory_kib(),
    )


def run(fleet: Fleet, load: Load, usage: ServerUsage | None, tick: Tick) -> Result:
    """Publish `load` for as long as the plan says; all connections are open."""
    order = _order(load, fleet.plan)
    churned, refused = fleet.tally(Tally.CHURNED), fleet.tally(Tally.REFUSED)
    fleet.start(order)
    wait_until(order.begin / 1e9, tick)
    before = _cpu_time(usage)
    wait_until(order.end / 1e9, tick)
    after = _cpu_time(usage)
    outcomes = fleet.collect(order, tick)
    return Result(
        load=load,
        outcomes=outcomes,
        latencies=fleet.latencies(),
        server_utilisation=(after[1] - before[1]) / (after[0] - before[0]) if usage else None,
        memory_kib=usage.memory_kib() if usage else None,
        churned=fleet.tally(Tally.CHURNED) - churned,
        churn_refused=fleet.tally(Tally.REFUSED) - refused,
        handshakes=fleet.handshakes() if fleet.plan.topology.churn else None,
    )


def wait_until(moment: float, tick: Tick) -> None:
    """Let time pass until `moment` on the monotonic clock."""
    while (left := moment - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
        tick()


def _order(load: Load, plan: Plan) -> Order:
    timing = plan.timing
    head_start = _HEAD_START if plan.processes == 1 else _HEAD_START_OF_SEVERAL
    start = time.monotonic_ns() + int(head_start * 1e9)
    begin = start + int(timing.warm_up * 1e9)
    end = begin + int(timing.duration * 1e9)
    return Order(load, start, begin, end, end + int(timing.drain * 1e9))


def _cpu_time(usage: ServerUsage | None) -> tuple[float, float]:
    """The clock and the CPU time of the server, in seconds."""
    return time.monotonic(), usage.cpu_seconds() if usage else 0.0
