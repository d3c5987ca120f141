"""The search for the highest rate that a server keeps up with.

First the rate is doubled until it is too much, then the gap between the last good and the first
bad rate is halved until it is narrow.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from camrelay.tools.bench.measure import Result

NARROW = 1.05
"""The search ends when the bad rate is at most so many times the good one."""
MOST_STEPS = 40
SHORTFALL = 0.95
"""A server that delivers less than this share of what is published does not keep up."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rate that was tried."""

    rate: float
    """Messages a second from each publisher."""
    result: Result
    objection: str
    """Why this rate is too much; empty if it is not."""

    @property
    def good(self) -> bool:
        """Whether the server kept up."""
        return not self.objection


@dataclass(frozen=True, slots=True)
class Limit:
    """What the search found."""

    steps: list[Step]
    best: Step | None
    """The highest good rate; None if even the first was too much."""
    worst: Step | None
    """The lowest bad rate; None if nothing was too much."""

    @property
    def of_the_client(self) -> bool:
        """Whether it may be the client that could not go faster."""
        return self.worst is not None and self.worst.result.client_is_the_limit


def find_limit(
    measure: Callable[[float], Result],
    objection: Callable[[Result], str],
    first: float,
    least: float,
    watch: Callable[[Step], None],
) -> Limit:
    """Search from the rate `first` upwards, or down to `least` if that is too much already.

    `measure(rate)` runs at a rate; `objection(result)` says why it was too much, or nothing;
    `watch(step)` is told of every step. A server that drops connections ends the search.
    """
    steps: list[Step] = []
    best: Step | None = None
    worst: Step | None = None
    rate: float | None = first
    while rate is not None and len(steps) < MOST_STEPS:
        result = measure(rate)
        step = Step(rate, result, objection(result))
        steps.append(step)
        watch(step)
        best, worst = (step, worst) if step.good else (best, step)
        rate = None if result.dropped else _next_rate(best, worst, least)
    return Limit(steps, best, worst)


def _next_rate(best: Step | None, worst: Step | None, least: float) -> float | None:
    if best is None:
        lower = worst.rate / 2 if worst else least
        return lower if lower >= least else None
    if worst is None:
        return best.rate * 2
    if worst.rate <= best.rate * NARROW:
        return None
    return math.sqrt(best.rate * worst.rate)


def too_much(result: Result, receivers: int, p99_ms: float) -> str:
    """Why the server did not keep up with `result`, or nothing; `receivers` get each message."""
    if result.dropped:
        return f"{result.dropped:,} connections dropped"
    if result.lost:
        return f"{result.lost:,} deliveries lost"
    published = sum(outcome.measured.sent for outcome in result.outcomes)
    if result.received < SHORTFALL * (published - 1) * receivers:
        return "it falls behind"
    p99 = result.latency_ms(99)
    if p99 is None:
        return "no latency could be read"
    return f"p99 {p99:.1f} ms" if p99 > p99_ms else ""
