"""The figures of a run, summed up: median, least and most of the rounds."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness.measuring import NOISE
from harness.peers import Peer, find_peers

BUSY = 0.9
"""From this share of a core on, the client may have been the limit."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one peer under one workload."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Results:
    """What `run.py` wrote."""

    table: dict[str, Any]
    peers: list[Peer]

    @property
    def runs(self) -> list[dict[str, Any]]:
        """Every measurement."""
        runs: list[dict[str, Any]] = self.table["runs"]
        return runs

    def workloads(self) -> list[str]:
        """The workloads that were measured."""
        return list(dict.fromkeys(run["workload"] for run in self.runs))

    def of(self, peer: Peer, workload: str) -> list[dict[str, Any]]:
        """The measurements of one peer under one workload that gave figures."""
        return [
            run
            for run in self.runs
            if (run["peer"], run["workload"]) == (peer.name, workload) and "failed" not in run
        ]

    def failure(self, peer: Peer, workload: str) -> str:
        """Why there are no figures."""
        for run in self.runs:
            if (run["peer"], run["workload"]) == (peer.name, workload) and "failed" in run:
                return str(run["failed"])
        return "not measured"

    def figure(
        self, peer: Peer, workload: str, of: Callable[[dict[str, Any]], float | None]
    ) -> Figure | None:
        """A number of every round, summed up; None if there is none."""
        values = [value for run in self.of(peer, workload) if (value := of(run)) is not None]
        return Figure(median(values), min(values), max(values)) if values else None

    def client_was_busy(self, peer: Peer, workload: str) -> bool:
        """Whether it may be the client that was measured."""
        used = self.figure(peer, workload, lambda run: run["client"])
        return used is not None and used.median > BUSY

    def noisy(self) -> int:
        """How many measurements others disturbed."""
        return sum(run.get("others", 0) > NOISE for run in self.runs)


def read(path: Path) -> Results:
    """Read what `run.py` wrote; peers in the order in which they are shown."""
    table = json.loads(path.read_text("utf-8"))
    known = find_peers()
    results = Results(table, [known[name] for name in table["peers"] if name in known])
    results.peers.sort(key=lambda peer: _rank(results, peer))
    return results


def _rank(results: Results, peer: Peer) -> tuple[bool, bool, float]:
    """camrelay first, the floor last, in between by what they do in W1."""
    done = results.figure(peer, "W1", deliveries)
    return peer.floor, peer.name != "camrelay", -(done.median if done else 0)


def deliveries(run: dict[str, Any]) -> float:
    """Deliveries a second."""
    return float(run["deliveries_per_second"])


def p99(run: dict[str, Any]) -> float | None:
    """The 99th percentile of the latency, milliseconds."""
    value: float | None = run["latency_ms"]["p99"]
    return value


def p50(run: dict[str, Any]) -> float | None:
    """The median latency, milliseconds."""
    value: float | None = run["latency_ms"]["p50"]
    return value


def lost(run: dict[str, Any]) -> float:
    """The share of deliveries that never arrived."""
    return float(run["lost"] / run["expected"]) if run["expected"] else 0.0
