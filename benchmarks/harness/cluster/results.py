"""The figures of a run of cluster.py, summed up."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness.cluster.plan import PEERS
from harness.measuring import NOISE
from harness.peers import Peer, find_peers
from harness.results import Figure

Run = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Results:
    """What `cluster.py` wrote."""

    table: dict[str, Any]
    peers: list[Peer]

    @property
    def runs(self) -> list[Run]:
        """Every measurement."""
        runs: list[Run] = self.table["runs"]
        return runs

    def of(self, **where: Any) -> list[Run]:
        """The measurements where setup and load are these."""
        return [
            run for run in self.runs if all(run.get(name) == which for name, which in where.items())
        ]

    def figure(self, of: Callable[[Run], float | None], **where: Any) -> Figure | None:
        """A number of every round, where setup and load are these; None if there is none.

        Rounds that other programs disturbed count only where there are no others.
        """
        found = [run for run in self.of(**where) if "failed" not in run]
        quiet = [run for run in found if run.get("others", 0) <= NOISE]
        values = [value for run in quiet or found if (value := of(run)) is not None]
        return Figure(median(values), min(values), max(values)) if values else None

    def others(self) -> list[float]:
        """Cores that other programs used during each measurement, in order of size."""
        return sorted(run["others"] for run in self.runs if "others" in run)

    def disturbed(self) -> int:
        """How many measurements they disturbed."""
        return sum(used > NOISE for used in self.others())


def read(path: Path) -> Results:
    """Read what `cluster.py` wrote."""
    table = json.loads(path.read_text("utf-8"))
    known = find_peers()
    return Results(table, [known[name] for name in PEERS if name in table["peers"]])


def servers(run: Run) -> float:
    """Cores that all server processes used."""
    return sum(map(sum, run["node_cores"]))


def us_per_delivery(run: Run) -> float | None:
    """CPU microseconds of servers and Redis for each delivery."""
    deliveries = run["deliveries_per_second"]
    return (servers(run) + run["redis_cores"]) * 1e6 / deliveries if deliveries else None
