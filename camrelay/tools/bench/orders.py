"""What the command line and the client processes tell each other."""

from dataclasses import dataclass

from camrelay.tools.bench.address import Address
from camrelay.tools.bench.plan import Load, Plan


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is started with."""

    plan: Plan
    address: Address
    origin: int
    """The moment that stamps are counted from."""


@dataclass(frozen=True, slots=True)
class Order:
    """Publish, measure, and wait for the rest. Moments on the monotonic clock, in nanoseconds."""

    load: Load
    start: int
    begin: int
    """Measuring begins."""
    end: int
    """Measuring and publishing end."""
    drain: int
    """At most so much later, what is still under way has arrived or is lost."""


@dataclass(frozen=True, slots=True)
class Opened:
    """All connections of a process are ready."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A connection could not be opened, so that there is nothing to measure."""

    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What happened in one process in the measured time."""

    seconds: float
    cpu_seconds: float
    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one process saw in a whole run, warming up and draining included."""

    measured: Measured
    received: int
    expected: int
    fewest: int | None
    """Messages that the subscriber with the fewest received; None without subscribers."""
    most: int | None
    dropped: int
    """Connections that ended."""
    drop_reason: str
    stalls: int
    """How often a closed loop stood still and took what was in flight for lost."""
    latest: int
    """The most nanoseconds that a message left after its time (open loop)."""
    unreadable: int
    """Sampled messages whose stamp did not come back."""
    slow_closed: int
    """Slow readers that the server has closed."""
