"""A whole bench: connect, then one run or the search for the limit."""

import time
from dataclasses import replace
from functools import partial
from typing import TextIO

from camrelay.tools.bench.find_limit import Limit, Step, find_limit, too_much
from camrelay.tools.bench.fleet import Fleet
from camrelay.tools.bench.measure import Result, connect, run, wait_until
from camrelay.tools.bench.plan import Load, Plan
from camrelay.tools.bench.progress import Progress
from camrelay.tools.bench.report import Report
from camrelay.tools.bench.usage import ServerUsage

FEWEST_MESSAGES = 5
"""A step of the search publishes at least so many, or its percentiles would mean nothing."""


def carry_out(
    plan: Plan, usage: ServerUsage | None, p99_ms: float | None, stream: TextIO | None
) -> Report:
    """Do what `plan` says; progress goes to `stream`, if any.

    With `p99_ms` the rate of the plan is where the search for the limit begins. Raises StartError
    if the plan cannot be carried out, BenchError if the server did not play along.
    """
    with Fleet(plan) as fleet:
        progress = Progress(fleet, usage, stream)
        connected = connect(fleet, usage, progress)
        if p99_ms is None:
            return Report(plan, connected, run(fleet, plan.load, usage, progress))
        limit = _search(fleet, usage, p99_ms, progress)
    result = (limit.best or limit.steps[-1]).result
    return Report(replace(plan, load=result.load), connected, result, limit)


def _search(fleet: Fleet, usage: ServerUsage | None, p99_ms: float, progress: Progress) -> Limit:
    topology, timing = fleet.plan.topology, fleet.plan.timing

    def measure(rate: float) -> Result:
        result = run(fleet, Load(rate=rate), usage, _nothing)
        if result.lost:  # let the server get over it before the next rate is tried
            wait_until(time.monotonic() + timing.settle, _nothing)
        return result

    return find_limit(
        measure,
        partial(too_much, receivers=topology.receivers(), p99_ms=p99_ms),
        first=fleet.plan.load.rate,
        least=FEWEST_MESSAGES / timing.duration / (topology.rooms * topology.publishers),
        watch=lambda step: progress.note(_step_text(step)),
    )


def _step_text(step: Step) -> str:
    p99 = step.result.latency_ms(99)
    return "  ".join(
        [
            f"{step.rate:10,.1f} Hz",
            f"{step.result.deliveries_per_second:12,.0f} deliveries/s",
            "p99 unknown" if p99 is None else f"p99 {p99:8.2f} ms",
            f"too much: {step.objection}" if step.objection else "good",
        ]
    )


def _nothing() -> None:
    """Let time pass."""
