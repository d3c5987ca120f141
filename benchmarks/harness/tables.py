"""The tables of README.md, made between its markers."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.peers import Peer
from harness.results import BUSY, Figure, Results, deliveries, lost, p50, p99
from harness.workloads import WORKLOADS

THROUGHPUT = ("W1", "W1-1", "W2", "W3", "W6")
BUSY_MARK = "†"
NOTHING = "-"
LOST = 0.001
Cell = Callable[[Peer], str]


def between_markers(readme: Path, name: str, text: str) -> None:
    """Replace what stands between the markers `<!-- NAME -->` and `<!-- /NAME -->`."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    old = readme.read_text("utf-8")
    new, count = pattern.subn(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", old)
    if count != 1:
        raise SystemExit(f"{readme} has no markers for {name}")
    readme.write_text(new, "utf-8")


def throughput(results: Results) -> str:
    """Deliveries a second, median over least and most."""
    names = [name for name in THROUGHPUT if name in results.workloads()]

    def cell(workload: str) -> Cell:
        return lambda peer: _deliveries(results, peer, workload)

    return _table(results, {name: cell(name) for name in names})


def latency_and_connections(results: Results) -> str:
    """The paced load, and what a connection costs."""

    def memory(peer: Peer) -> str:
        return _number(results.figure(peer, "W5", lambda run: run["kib_per_connection"]), 1)

    def connects(peer: Peer) -> str:
        busy = results.figure(peer, "W5", lambda run: run["client_connecting"])
        mark = BUSY_MARK if busy and busy.median > BUSY else ""
        return _number(results.figure(peer, "W5", lambda run: run["connects_per_second"]), 0, mark)

    return _table(
        results,
        {
            "W4 p50, ms": lambda peer: _paced(results, peer, p50),
            "W4 p99, ms": lambda peer: _paced(results, peer, p99),
            "W5 KiB per connection": memory,
            "W5 connects/s": connects,
        },
    )


def ratios(results: Results) -> str:
    """camrelay's medians over those of each peer."""
    ours = next((peer for peer in results.peers if peer.name == "camrelay"), None)
    if ours is None:
        return "camrelay was not measured in this run."
    names = [name for name in THROUGHPUT if name in results.workloads()]

    def cell(workload: str) -> Cell:
        def ratio(peer: Peer) -> str:
            mine = results.figure(ours, workload, deliveries)
            theirs = results.figure(peer, workload, deliveries)
            if not mine or not theirs or not theirs.median:
                return NOTHING
            value = mine.median / theirs.median
            return (
                f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"
            )

        return ratio

    return _table(results, {name: cell(name) for name in names})


def utilisation(results: Results) -> str:
    """How busy server and client were, and what a delivery cost the server."""

    def cell(workload: str) -> Cell:
        def text(peer: Peer) -> str:
            parts = [
                results.figure(peer, workload, lambda run, part=part: run[part])
                for part in ("server", "client", "us_per_delivery")
            ]
            if None in parts:
                return NOTHING
            server, client, cost = (part.median for part in parts if part)
            return f"{server:.2f} / {client:.2f} / {cost:.2f}"

        return text

    names = [name for name in (*THROUGHPUT, "W4") if name in results.workloads()]
    return _table(results, {name: cell(name) for name in names})


def circumstances(results: Results) -> str:
    """When, where, and which versions."""
    table = results.table
    machine: dict[str, str] = table["machine"]
    when = datetime.fromisoformat(table["date"])
    lines = [
        f"{when:%Y-%m-%d}, {machine['cpu']} ({machine['cores']} cores, {machine['memory']}),"
        f" {machine['kernel']}, {machine['system']}, camrelay at {machine['commit']}."
        f" Median of {table['rounds']} rounds of {table['seconds']['duration']:g} s"
        " (in small print: least and most).",
        f"The client was {table.get('client', '`camrelay bench`')}.",
    ]
    if results.noisy():
        lines.append(
            f"In {results.noisy()} of {len(results.runs)} measurements other programs used the"
            " machine too."
        )
    lines += ["", *_versions(results)]
    return "\n".join(lines)


def legend(results: Results) -> str:
    """What the workloads are."""
    return "\n".join(f"* **{name}**: {WORKLOADS[name].title}" for name in results.workloads())


def _versions(results: Results) -> Iterator[str]:
    yield "| peer | what it is | versions |"
    yield "| --- | --- | --- |"
    for peer in results.peers:
        yield f"| {peer.title} | {peer.what} | {results.table['peers'][peer.name]} |"
    for name, reason in results.table["skipped"].items():
        yield f"| {name} | skipped | {reason} |"


def _table(results: Results, columns: dict[str, Cell]) -> str:
    lines = [f"| | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for peer in results.peers:
        name = f"**{peer.title}**" if peer.name == "camrelay" else peer.title
        if peer.floor:
            name = f"*{peer.title}*"
        lines.append(f"| {name} | {' | '.join(cell(peer) for cell in columns.values())} |")
    return "\n".join(lines)


def _deliveries(results: Results, peer: Peer, workload: str) -> str:
    figure = results.figure(peer, workload, deliveries)
    if figure is None:
        return NOTHING
    mark = BUSY_MARK if results.client_was_busy(peer, workload) else ""
    return (
        f"{thousands(figure.median)}{mark}{_lost(results, peer, workload)}"
        f"<br><sub>{thousands(figure.least)} to {thousands(figure.most)}</sub>"
    )


def _paced(
    results: Results, peer: Peer, percentile: Callable[[dict[str, Any]], float | None]
) -> str:
    figure = results.figure(peer, "W4", percentile)
    if figure is None:
        return NOTHING
    done = results.figure(peer, "W4", deliveries)
    text = _number(figure, 2 if figure.median < 100 else 0)
    if done and done.median < 95_000:
        text += f"<br>only {thousands(done.median)}/s"
    return text + _lost(results, peer, "W4")


def _lost(results: Results, peer: Peer, workload: str) -> str:
    share = results.figure(peer, workload, lost)
    return f"<br>lost {share.median:.1%}" if share and share.median > LOST else ""


def _number(figure: Figure | None, digits: int, mark: str = "") -> str:
    if figure is None:
        return NOTHING
    return (
        f"{figure.median:,.{digits}f}{mark}"
        f"<br><sub>{figure.least:,.{digits}f} to {figure.most:,.{digits}f}</sub>"
    )


def thousands(value: float) -> str:
    """Deliveries in thousands, with a digit after the point where it matters."""
    return f"{value / 1000:,.1f} k" if value < 20_000 else f"{value / 1000:,.0f} k"
