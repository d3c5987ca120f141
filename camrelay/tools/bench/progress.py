"""One line a second on stderr, so that nobody wonders whether it still runs."""

import time
from typing import TextIO

from camrelay.tools.bench.board import Tally
from camrelay.tools.bench.fleet import Fleet
from camrelay.tools.bench.histogram import Histogram, difference
from camrelay.tools.bench.usage import ServerUsage


class Progress:
    """Says what happened in the last second. Call it as often as you like."""

    def __init__(self, fleet: Fleet, usage: ServerUsage | None, stream: TextIO | None) -> None:
        """Read the board of `fleet` and, if there is one, the server's `usage`; None: be silent."""
        self._fleet = fleet
        self._usage = usage
        self._stream = stream
        self._began = self._at = time.monotonic()
        self._received = self._sent = 0
        self._cpu = 0.0
        self._latencies = Histogram()

    def __call__(self) -> None:
        """Write a line if the last one is a second old."""
        now = time.monotonic()
        if self._stream and now - self._at >= 1:
            self._say(now)

    def note(self, text: str) -> None:
        """Write a line of its own."""
        if self._stream:
            print(text, file=self._stream, flush=True)

    def _say(self, now: float) -> None:
        elapsed, self._at = now - self._at, now
        parts = [f"{now - self._began:4.0f} s", *self._connections(), *self._traffic(elapsed)]
        if self._usage:
            cpu = self._usage.cpu_seconds()
            parts.append(f"server {(cpu - self._cpu) / elapsed:.2f} of a core")
            parts.append(f"{self._usage.memory_kib() / 1024:.1f} MiB")
            self._cpu = cpu
        self.note("  ".join(parts))

    def _connections(self) -> list[str]:
        ready, dropped = self._fleet.tally(Tally.READY), self._fleet.tally(Tally.DROPPED)
        parts = []
        if ready < self._fleet.plan.topology.connections():
            parts.append(f"{ready:,} of {self._fleet.plan.topology.connections():,} connected")
        if dropped:
            parts.append(f"{dropped:,} dropped")
        return parts

    def _traffic(self, elapsed: float) -> list[str]:
        received, sent = self._fleet.tally(Tally.RECEIVED), self._fleet.tally(Tally.SENT)
        latencies = self._fleet.latencies()
        recent = difference(latencies, self._latencies)
        new = received - self._received, sent - self._sent
        self._received, self._sent, self._latencies = received, sent, latencies
        if min(new) < 0 or max(new) == 0:  # a new run counts from zero
            return []
        parts = [f"{new[0] / elapsed:,.0f} deliveries/s", f"{new[1] / elapsed:,.0f} messages/s"]
        if recent.total():
            p50, p99 = (recent.percentile(percent) or 0.0 for percent in (50, 99))
            parts.append(f"p50 {p50 / 1e6:.2f} ms  p99 {p99 / 1e6:.2f} ms")
        return parts
