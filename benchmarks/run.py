"""Measure camrelay and its peers side by side: `make benchmarks`, or this file with options."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from harness import machine
from harness.client import Client, find_client
from harness.command import RESULTS, Names, allow_files, install, write
from harness.measuring import NOISE, Times, measure
from harness.peers import Peer, PeerError, find_peers, make_certificate
from harness.workloads import WORKLOADS, Workload

PEERS = find_peers()


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--workloads", type=Names([*WORKLOADS]), default=[*WORKLOADS], help="Default: all.")
@click.option("--peers", type=Names([*PEERS]), default=[*PEERS], help="Default: all.")
@click.option("--duration", default=2.0, show_default=True, help="Seconds measured each time.")
@click.option("--warm-up", default=0.5, show_default=True, help="Seconds published before that.")
@click.option(
    "--retries",
    default=1,
    show_default=True,
    help=f"Measure again when others used more than {NOISE:g} of a core.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="JSON file.")
def main(
    rounds: int,
    workloads: list[str],
    peers: list[str],
    output: Path | None,
    retries: int,
    **times: float,
) -> None:
    """Run every workload against every peer, in rounds, the peers by turns.

    The results go to benchmarks/results/DATE.json; `python benchmarks/render.py` makes the tables
    and the plots of them.
    """
    allow_files()
    found = {name: PEERS[name] for name in peers}
    client = find_client()
    click.echo(f"client: {client.title}")
    versions, skipped = install(found)
    results: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": machine.describe(),
        "rounds": rounds,
        "seconds": times,
        "client": client.title,
        "peers": versions,
        "skipped": skipped,
        "runs": [],
    }
    path = output or RESULTS / f"{results['date'][:10]}.json"
    plan = [
        (number, WORKLOADS[workload], found[peer])
        for number in range(1, rounds + 1)
        for workload in workloads
        for peer in versions
    ]
    for step, (number, workload, peer) in enumerate(plan, 1):
        figures = _try(peer, workload, Times(**times), retries, client)
        run = {"round": number, "workload": workload.name, "peer": peer.name}
        results["runs"].append(run | figures)
        click.echo(f"{step:4} of {len(plan)}  {workload.name:5} {peer.name:24} {_line(figures)}")
        write(results, path)  # every time: what was measured outlasts an interruption
    click.echo(f"wrote {path}; next: python benchmarks/render.py {path}")


def _try(
    peer: Peer, workload: Workload, times: Times, retries: int, client: Client
) -> dict[str, Any]:
    """The figures with the least noise; or why there are none."""
    if workload.secure and not peer.tls:
        return {"failed": "no TLS of its own"}
    best: dict[str, Any] | None = None
    reason = ""
    for _ in range(1 + retries):
        try:
            figures = measure(peer, workload, times, make_certificate(), client)
        except PeerError as error:
            reason = str(error)
            continue
        if best is None or figures["others"] < best["others"]:
            best = figures
        if best["others"] <= NOISE:
            break
    return best or {"failed": reason}


def _line(figures: dict[str, Any]) -> str:
    if "failed" in figures:
        return f"failed: {figures['failed']}"
    parts = [
        f"{figures['deliveries_per_second']:>10,} /s",
        f"p99 {figures['latency_ms']['p99'] or 0:8.2f} ms",
        f"{figures['connects_per_second']:>7,} connects/s",
        f"{figures['kib_per_connection']:6.1f} KiB",
    ]
    parts += [f"{who} {figures[who]:.2f}" for who in ("server", "client", "others")]
    if figures["lost"]:
        parts.append(f"lost {figures['lost']:,} of {figures['expected']:,}")
    return "  ".join(parts)


if __name__ == "__main__":
    main()
