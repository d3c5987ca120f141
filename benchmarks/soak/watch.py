"""What is looked at while it goes on, and what is made of it."""

import re
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.admin import ask_admin
from tests.support.process import Process

ERRORS = re.compile(r"Traceback|Unhandled|\berror in\b")
# The start, in which caches fill, is left out of the slope.
WARM_UP = 0.25


class Sample(NamedTuple):
    """One look: `at` in seconds, memory in bytes, the rest counted."""

    at: float
    memory: int
    descriptors: int
    timers: int
    connections: int


def look(server: Process, began: float) -> Sample:
    """How the server is now."""
    _, status = ask_admin(server, "GET", "/status")
    return Sample(
        at=time.monotonic() - began,
        memory=server.memory,
        descriptors=len(list(Path(f"/proc/{server.pid}/fd").iterdir())),
        timers=status["timers"],
        connections=status["connections"],
    )


def slope(samples: Sequence[Sample]) -> float:
    """MiB an hour by which memory grows, as a line through the samples after the start."""
    kept = samples[int(len(samples) * WARM_UP) :]
    if len(kept) < 2:
        return 0.0
    line = statistics.linear_regression(
        [sample.at for sample in kept], [float(sample.memory) for sample in kept]
    )
    return line.slope * 3600 / (1 << 20)


def report(samples: Sequence[Sample], quiet: Sample, visits: int, log: str) -> dict[str, object]:
    """What came of it; `quiet` is the last look, with everybody gone."""
    first = samples[0]
    return {
        "seconds": round(samples[-1].at),
        "visits": visits,
        "most_connections": max(sample.connections for sample in samples),
        "memory_mib": [round(sample.memory / (1 << 20), 1) for sample in (first, samples[-1])],
        "memory_slope_mib_per_hour": round(slope(samples), 2),
        "descriptors_before_and_after": [first.descriptors, quiet.descriptors],
        "timers_before_and_after": [first.timers, quiet.timers],
        "connections_after": quiet.connections,
        "unhandled_errors": len(ERRORS.findall(log)),
    }
