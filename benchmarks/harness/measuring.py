"""One measurement: a fresh server, one run of the client, and who else used the machine."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.client import Client, Errand
from harness.peers import Certificate, Peer
from harness.workloads import Workload

NOISE = 0.15
"""Cores that others may use; with more the figures are worth another try."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of a measurement."""

    warm_up: float
    duration: float

    def options(self) -> tuple[str, ...]:
        """The same for a client."""
        return "--warm-up", str(self.warm_up), "--duration", str(self.duration)


def measure(
    peer: Peer, workload: Workload, times: Times, certificate: Certificate, client: Client
) -> dict[str, Any]:
    """The figures of one measurement. Raises PeerError if there are none."""
    secure = certificate if workload.secure else None
    with peer.serve(secure) as (pid, port):
        errand = Errand(
            url=f"{'wss' if secure else 'ws'}://127.0.0.1:{port}{peer.path}",
            options=(*times.options(), *workload.options),
            server=pid,
            dialect=peer.dialect,
            certificate=secure.certificate if secure else None,
        )
        before = Usage(pid)
        report = client.run(errand)
        others = Usage(pid).others_since(before)
        return figures_of(report) | {"others": round(others, 2)}


def figures_of(report: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that is kept."""
    server = report["server"]
    return {
        "deliveries_per_second": round(report["deliveries_per_second"]),
        "latency_ms": {
            name: None if value is None else round(value, 3)
            for name, value in report["latency_ms"].items()
        },
        "expected": report["expected"],
        "lost": report["lost"],
        "dropped": report["dropped"],
        "stalls": report["stalls"],
        "client": round(max(client["utilisation"] for client in report["clients"]), 3),
        "server": round(server["utilisation"], 3),
        "us_per_delivery": _rounded(server["us_per_delivery"]),
        "us_per_connection": _rounded(server["us_per_connection"]),
        "kib_per_connection": _rounded(server["kib_per_connection"]),
        "connects_per_second": round(report["connections"]["per_second"]),
        "client_connecting": round(report["connections"]["client_utilisation"], 3),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


class Usage:
    """CPU time of the machine and of those who take part, to see what is left: the others'."""

    def __init__(self, *servers: int) -> None:
        """`servers`: their process ids; the client is known, as a child of this process."""
        self._clock = time.monotonic()
        with open("/proc/stat", encoding="ascii") as file:
            fields = map(int, file.readline().split()[1:])
        user, nice, system, _idle, _wait, irq, softirq, *_ = fields
        self._busy = (user + nice + system + irq + softirq) / _TICKS
        times = os.times()
        self._ours = sum(times[:4]) + sum(map(_cpu_seconds, servers))

    def others_since(self, before: "Usage") -> float:
        """Cores that anybody else used on average since `before`."""
        elapsed = self._clock - before._clock
        return max(0.0, (self._busy - before._busy - (self._ours - before._ours)) / elapsed)


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children, also of those that have ended."""
    seconds, pids = 0.0, [pid]
    for each in pids:
        try:
            fields = Path(f"/proc/{each}/stat").read_text("utf-8").rpartition(")")[2].split()
            tasks = Path(f"/proc/{each}/task/{each}/children").read_text("ascii").split()
        except OSError:
            continue
        seconds += sum(map(int, fields[11:15])) / _TICKS
        pids += map(int, tasks)
    return seconds
