"""Tables about several processes: for README.md and for the pages in docs/."""

from collections.abc import Callable
from datetime import datetime
from statistics import median
from typing import Any

from harness.cluster.costs import Costs, Measured
from harness.cluster.plan import CAMRELAY, CLOSED, PACES, WORKERS
from harness.cluster.results import Results, Run, servers, us_per_delivery
from harness.peers import Peer
from harness.results import Figure, deliveries, lost, p50, p99
from harness.tables import LOST, NOTHING, thousands

WARNING = (
    " **That is too much: these figures are only of the right order, and unfair to whoever was"
    " disturbed most. They stand here until somebody repeats them on a quiet machine.**"
)
Of = Callable[[Run], float | None]


def machine(results: Results) -> str:
    """When and on what, and how quiet it was there."""
    table, others = results.table, results.others()
    where = table["machine"]
    warning = WARNING if results.disturbed() > len(others) / 2 else ""
    return (
        f"{datetime.fromisoformat(table['date']):%Y-%m-%d}, {where['cpu']}, **{where['cores']}"
        f" cores**, {where['memory']}, {where['kernel']}, {where['system']}, camrelay at"
        f" {where['commit']}. In {results.disturbed()} of {len(others)} measurements other programs"
        f" used the machine too (median of all: {median(others):.2f} of a core).{warning}"
    )


def circumstances(results: Results) -> str:
    """The same, who had which cores, and which versions."""
    table = results.table
    lines = [
        machine(results),
        f"{_shares(results)}. Median of {table['rounds']} rounds of"
        f" {table['seconds']['duration']:g} s (in small print: least and most).",
        "",
        *(f"* {peer.title}: {table['peers'][peer.name]}" for peer in results.peers),
    ]
    return "\n".join(lines)


def throughput(results: Results) -> str:
    """Deliveries a second, and what each of them cost."""
    lines = [
        f"| | {' | '.join(_processes(workers) for workers in WORKERS)} | CPU per delivery, us |",
        f"| --- |{' ---: |' * (len(WORKERS) + 1)}",
    ]
    for peer in results.peers:
        cells = [_deliveries(results, peer, workers) for workers in WORKERS]
        lines.append(_row(peer.title, [*cells, _costs(results, peer)]))
    alone = {"peer": CAMRELAY, "load": CLOSED, "redis": False, "secure": False}
    cells = [_text(results.figure(deliveries, **alone), thousands), NOTHING, NOTHING]
    cost = results.figure(us_per_delivery, **alone)
    if cost:
        lines.append(_row("camrelay without Redis", [*cells, _digits(cost.median)]))
    return "\n".join(lines)


def latency(results: Results) -> str:
    """From one process to another, and as clients of several workers see it."""
    ways = {
        "same process": {"load": "pairs", "nodes": 1},
        "**two processes**": {"load": "pairs", "nodes": 2},
        **{
            f"{_processes(workers)}, 10 rooms": {"load": "paced", "workers": workers}
            for workers in WORKERS
        },
    }
    lines = [f"| ms, p50 / p99 | {' | '.join(ways)} |", f"| --- |{' ---: |' * len(ways)}"]
    lines += [
        _row(peer.title, [_both(results, peer=peer.name, **way) for way in ways.values()])
        for peer in results.peers
    ]
    return "\n".join(lines)


def usage(results: Results) -> str:
    """Which cores were used by whom, at full speed."""
    lines = [
        f"| servers / Redis / client | {' | '.join(map(_processes, WORKERS))} |",
        f"| --- |{' ---: |' * len(WORKERS)}",
    ]
    parts: list[Of] = [servers, lambda run: run["redis_cores"], lambda run: run["client"]]
    for peer in results.peers:
        cells = []
        for workers in WORKERS:
            where = {"peer": peer.name, "load": CLOSED, "workers": workers, "redis": True}
            figures = [results.figure(part, **where) for part in parts]
            cells.append(" / ".join(f"{each.median:.2f}" if each else NOTHING for each in figures))
        lines.append(_row(peer.title, cells))
    return "\n".join(lines)


def costs(results: Results) -> str:
    """What a message costs a node of camrelay."""
    paces = [Measured(results).costs(pace) for pace in PACES]
    rows: list[tuple[str, Callable[[Costs], float]]] = [
        ("take it from a client, and send that client its copy", lambda pace: pace.take),
        ("the same, client with TLS", lambda pace: pace.secure_take),
        ("**publish it** to Redis, besides", lambda pace: pace.publish),
        ("**receive it** from Redis, and send it to one client", lambda pace: pace.receive),
        ("send it to one client more", lambda pace: pace.deliver),
        ("the same, client with TLS", lambda pace: pace.secure_deliver),
    ]
    heads = [f"{float(f'{pace.rate:.2g}'):,.0f} messages/s" for pace in paces]
    heads[-1] += ", all it can"
    lines = [f"| CPU of a node, us | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(paces)}"]
    lines += [_row(name, [f"{of(pace):.1f}" for pace in paces]) for name, of in rows]
    return "\n".join(lines)


def others(results: Results) -> str:
    """What connections cost, and what Redis uses."""
    measured = Measured(results)
    opened, secured = measured.connection(secure=False), measured.connection(secure=True)
    take, give = measured.redis()
    rows = {
        "open a connection, TCP": f"{opened[0]:.0f} us",
        "the same with TLS, ECDSA certificate": f"{secured[0]:.0f} us",
        "keep it, idle: memory of the process, TCP": f"{opened[1]:.1f} KiB",
        "the same with TLS": f"{secured[1]:.1f} KiB",
        "Redis takes a message, many at once": f"{take:.2f} us",
        "Redis gives it to one node, many at once": f"{give:.2f} us",
        "a message on the way from Redis to a node": f"{measured.envelope():.0f} bytes",
    }
    return "\n".join(
        ["| | |", "| --- | ---: |", *(_row(name, [cost]) for name, cost in rows.items())]
    )


def _shares(results: Results) -> str:
    cores = results.table["cores"]
    if cores["servers"] == cores["client"]:
        return "Servers, Redis and client share these cores, as the kernel deals them out"
    return f"Servers and Redis have core {cores['servers']}, the client has core {cores['client']}"


def _processes(workers: int) -> str:
    return "1 process" if workers == 1 else f"{workers} processes"


def _row(name: str, cells: list[str]) -> str:
    shown = f"**{name}**" if name == CAMRELAY else name
    return f"| {shown} | {' | '.join(cells)} |"


def _deliveries(results: Results, peer: Peer, workers: int) -> str:
    where = {"peer": peer.name, "load": CLOSED, "workers": workers, "redis": True}
    gone = results.figure(lost, **where)
    mark = f"<br>lost {gone.median:.1%}" if gone and gone.median > LOST else ""
    failures = ["failed" in run for run in results.of(**where)]
    if any(failures):
        mark += f"<br>{sum(failures)} of {len(failures)} failed"
    return _text(results.figure(deliveries, **where), thousands, mark)


def _costs(results: Results, peer: Peer) -> str:
    where = {"peer": peer.name, "load": CLOSED, "redis": True}
    figures = (results.figure(us_per_delivery, workers=workers, **where) for workers in WORKERS)
    return ", ".join(_digits(each.median) if each else NOTHING for each in figures)


def _both(results: Results, **where: Any) -> str:
    figures = [results.figure(of, redis=True, **where) for of in (p50, p99)]
    return " / ".join(_digits(each.median) if each else NOTHING for each in figures)


def _digits(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _text(figure: Figure | None, shown: Callable[[float], str], mark: str = "") -> str:
    if figure is None:
        return NOTHING
    return (
        f"{shown(figure.median)}{mark}<br><sub>{shown(figure.least)} to {shown(figure.most)}</sub>"
    )
