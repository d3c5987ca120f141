"""What came of it: a table for people, JSON for programs, and what to be careful about."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import camrelay
from camrelay.tools.bench.find_limit import Limit
from camrelay.tools.bench.measure import BUSY, Connected, Result
from camrelay.tools.bench.plan import Plan

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
LATE_MS = 10.0
"""Publishers later than this are worth a note."""


@dataclass(frozen=True, slots=True)
class Report:
    """One finished bench."""

    plan: Plan
    connected: Connected
    result: Result
    limit: Limit | None = None

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dump`. Absent figures are null."""
        plan, result = self.plan, self.result
        return {
            "camrelay": camrelay.__version__,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "url": plan.url,
            "topology": asdict(plan.topology),
            "load": asdict(result.load),
            "timing": asdict(plan.timing),
            "padding": plan.padding,
            "connections": _connections(self.connected),
            "seconds": result.seconds,
            "deliveries_per_second": result.deliveries_per_second,
            "messages_per_second": result.messages_per_second,
            "latency_ms": _latency(result),
            "expected": result.expected_in_all,
            "lost": result.lost,
            "dropped": result.dropped,
            "stalls": sum(outcome.stalls for outcome in result.outcomes),
            "fewest_per_subscriber": _least([each.fewest for each in result.outcomes]),
            "most_per_subscriber": _most([each.most for each in result.outcomes]),
            "clients": [
                {"process": number, "utilisation": utilisation, "deliveries": outcome.received}
                for number, (utilisation, outcome) in enumerate(
                    zip(result.utilisations, result.outcomes, strict=True)
                )
            ],
            "server": _server(self.connected, result),
            "slow_readers": {
                "connected": plan.topology.slow,
                "closed": sum(outcome.slow_closed for outcome in result.outcomes),
            },
            "churn": _churn(result),
            "limit": _limit(self.limit),
            "notes": [*self.notes()],
        }

    def table(self) -> str:
        """The same for people."""
        rows = [*self._rows()]
        width = max(len(name) for name, _ in rows)
        lines = [self.plan.url, self._what(), ""]
        lines += [f"{name:<{width}}  {text}" for name, text in rows]
        lines += [f"note: {text}" for text in self.notes()]
        return "\n".join(lines)

    def notes(self) -> Iterator[str]:
        """What makes the figures worth less than they look."""
        result = self.result
        for number, utilisation in enumerate(result.utilisations):
            if utilisation > BUSY:
                yield (
                    f"client process {number} used {utilisation:.2f} of a core: the client may be "
                    "the limit, not the server; give it more --processes or a faster machine"
                )
        if not result.expected_in_all and self.connected.client_utilisation > BUSY:
            yield "the client was busy while it connected: the server may accept faster"
        yield from self._deliveries_noted()
        latest = max(outcome.latest for outcome in result.outcomes) / 1e6
        if latest > LATE_MS:
            yield f"publishers were up to {latest:.0f} ms late; that is in the latency"
        if self.limit and self.limit.of_the_client:
            yield "the search ended when the client was busy: the server may take more"

    def _deliveries_noted(self) -> Iterator[str]:
        result = self.result
        if result.dropped:
            reason = next(each.drop_reason for each in result.outcomes if each.dropped)
            yield f"{result.dropped:,} connections ended, the first one because: {reason}"
        if result.lost < 0:
            yield "more arrived than was sent: is --echo what this server does?"
        stalls = sum(outcome.stalls for outcome in result.outcomes)
        if stalls:
            yield (
                f"nothing arrived for 2 s, {stalls} times: is --echo what this server does, "
                "and does it limit the rate (camrelay: --message-rate 0)?"
            )
        if any(outcome.unreadable for outcome in result.outcomes):
            yield 'the server did not send every "t" back as it was: those have no latency'

    def _what(self) -> str:
        topology, load, timing = self.plan.topology, self.result.load, self.plan.timing
        parts = [
            f"{topology.rooms:,} {_plural('room', topology.rooms)}:"
            f" {topology.publishers:,} {_plural('publisher', topology.publishers)}"
            f" and {topology.subscribers:,} {_plural('subscriber', topology.subscribers)}"
            f"{' each' if topology.rooms > 1 else ''}"
        ]
        if load.window:
            parts.append(f"{load.window} in flight for each publisher")
        if load.rate:
            parts.append(f"{load.rate:g} messages a second from each publisher")
        parts.append(f"{timing.duration:g} s after {timing.warm_up:g} s of warming up")
        return "; ".join(parts)

    def _rows(self) -> Iterator[tuple[str, str]]:
        result, topology = self.result, self.plan.topology
        if self.limit:
            yield "limit", _limit_text(self.limit)
        if result.expected_in_all:
            yield "deliveries", f"{result.deliveries_per_second:,.0f} /s"
            yield "messages", f"{result.messages_per_second:,.1f} /s"
            yield "latency", _latency_text(result)
            yield "lost", f"{result.lost:,} of {result.expected_in_all:,}"
        connected = self.connected
        yield (
            "connections",
            f"{connected.connections:,} in {connected.seconds:.2f} s:"
            f" {connected.per_second:,.0f} /s",
        )
        if topology.slow:
            closed = sum(outcome.slow_closed for outcome in result.outcomes)
            yield "slow readers", f"{topology.slow:,}, of which the server closed {closed:,}"
        if result.handshakes:
            yield "churn", _churn_text(result)
        used = ", ".join(f"{utilisation:.2f}" for utilisation in result.utilisations)
        yield "client", f"{used} of a core"
        if result.server_utilisation is not None:
            yield "server", _server_text(connected, result)


def _connections(connected: Connected) -> dict[str, Any]:
    return {
        "count": connected.connections,
        "seconds": connected.seconds,
        "per_second": connected.per_second,
        "client_utilisation": connected.client_utilisation,
    }


def _latency(result: Result) -> dict[str, float | None]:
    percentiles = {f"p{percent:g}": result.latency_ms(percent) for percent in PERCENTILES}
    return percentiles | {"max": result.latency_ms(100), "samples": result.latencies.total()}


def _latency_text(result: Result) -> str:
    found = [(percent, result.latency_ms(percent)) for percent in PERCENTILES]
    parts = [f"p{percent:g} {value:.2f} ms" for percent, value in found if value is not None]
    return "   ".join(parts) or "unknown"


def _server(connected: Connected, result: Result) -> dict[str, float | None] | None:
    if result.server_utilisation is None:
        return None
    cpu = connected.server_cpu_seconds
    return {
        "utilisation": result.server_utilisation,
        "us_per_delivery": result.server_us_per_delivery,
        "us_per_connection": None if cpu is None else cpu * 1e6 / connected.connections,
        "memory_before_kib": connected.memory_before_kib,
        "memory_connected_kib": connected.memory_after_kib,
        "memory_after_kib": result.memory_kib,
        "kib_per_connection": connected.kib_per_connection,
    }


def _server_text(connected: Connected, result: Result) -> str:
    parts = [f"{result.server_utilisation:.2f} of a core"]
    if result.server_us_per_delivery is not None:
        parts.append(f"{result.server_us_per_delivery:.2f} us per delivery")
    if result.memory_kib is not None:
        parts.append(f"{result.memory_kib / 1024:.1f} MiB")
    if connected.kib_per_connection is not None:
        parts.append(f"{connected.kib_per_connection:.1f} KiB per connection")
    return ", ".join(parts)


def _churn(result: Result) -> dict[str, Any] | None:
    if result.handshakes is None:
        return None
    p50, p99 = (result.handshakes.percentile(percent) for percent in (50, 99))
    return {
        "came": result.churned,
        "refused": result.churn_refused,
        "handshake_p50_ms": None if p50 is None else p50 / 1e6,
        "handshake_p99_ms": None if p99 is None else p99 / 1e6,
    }


def _churn_text(result: Result) -> str:
    text = f"{result.churned:,} came, {result.churn_refused:,} refused"
    p99 = result.handshakes.percentile(99) if result.handshakes else None
    return text if p99 is None else f"{text}, p99 of the handshake {p99 / 1e6:.2f} ms"


def _limit(limit: Limit | None) -> dict[str, Any] | None:
    if limit is None:
        return None
    return {
        "rate": limit.best.rate if limit.best else None,
        "too_much": limit.worst.rate if limit.worst else None,
        "because": limit.worst.objection if limit.worst else None,
        "steps": [
            {
                "rate": step.rate,
                "deliveries_per_second": step.result.deliveries_per_second,
                "latency_ms": _latency(step.result),
                "objection": step.objection or None,
                "client_utilisation": max(step.result.utilisations),
                "server_utilisation": step.result.server_utilisation,
            }
            for step in limit.steps
        ],
    }


def _limit_text(limit: Limit) -> str:
    above = (
        f"; at {limit.worst.rate:,.1f}: {limit.worst.objection}"
        if limit.worst
        else "; nothing was too much"
    )
    if limit.best is None:
        return f"even the lowest rate that was tried is too much{above}"
    return f"{limit.best.rate:,.1f} messages a second from each publisher{above}"


def _least(values: list[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _most(values: list[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
