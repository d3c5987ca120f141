"""Measure processes that are one relay: `make benchmarks-cluster`, or this file with options."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from harness import machine
from harness.client import LoadClient, find_client
from harness.cluster.broker import measure_redis
from harness.cluster.measuring import Cores, measure
from harness.cluster.plan import CAMRELAY, PEERS, REDIS, Setup, setups
from harness.cluster.serving import START_REDIS, serve
from harness.command import RESULTS, Names, allow_files, install, write
from harness.measuring import NOISE, Times
from harness.peers import Peer, PeerError, find_peers, make_certificate

ALL_CORES = f"0-{(os.cpu_count() or 1) - 1}"


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--peers", type=Names([*PEERS]), default=[*PEERS], help="Default: all.")
@click.option("--duration", default=1.5, show_default=True, help="Seconds measured each time.")
@click.option("--warm-up", default=0.5, show_default=True, help="Seconds published before that.")
@click.option(
    "--retries",
    default=1,
    show_default=True,
    help=f"Measure again when others used more than {NOISE:g} of a core.",
)
@click.option(
    "--cores",
    nargs=2,
    default=(ALL_CORES, ALL_CORES),
    metavar="SERVERS CLIENT",
    show_default=True,
    help="As for taskset; those of the servers are Redis' too.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="JSON file.")
def main(
    rounds: int,
    peers: list[str],
    output: Path | None,
    retries: int,
    cores: tuple[str, str],
    **times: float,
) -> None:
    """Put the same loads on several processes of camrelay and of Channels, in rounds, by turns.

    The results go to benchmarks/results/cluster-DATE.json; `python benchmarks/render_cluster.py`
    makes the tables and the plot of them.
    """
    allow_files()
    client = find_client()
    if not isinstance(client, LoadClient):
        raise click.ClickException(client.title)
    subprocess.run([START_REDIS, "install"], check=True)
    known = find_peers()
    versions, skipped = install({name: known[name] for name in peers})
    if CAMRELAY in skipped:
        raise click.ClickException(f"camrelay itself does not start: {skipped[CAMRELAY]}")
    given, seconds = Cores(*cores), Times(**times)
    results: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": machine.describe(),
        "cores": asdict(given),
        "rounds": rounds,
        "seconds": times,
        "peers": versions,
        "skipped": skipped,
        "runs": [],
    }
    path = output or RESULTS / f"cluster-{results['date'][:10]}.json"
    for number in range(1, rounds + 1):
        run = {"round": number, "peer": CAMRELAY, "load": REDIS}
        results["runs"].append(run | measure_redis(given.servers))
        for setup in setups([*versions]):
            for load, figures in _try(setup, known[setup.peer], seconds, given, retries):
                run = {"round": number, **setup.described(), "load": load}
                results["runs"].append(run | figures)
                click.echo(f"{number} of {rounds}  {setup!s:32} {load:8} {_line(figures)}")
                write(results, path)  # every time: what was measured outlasts an interruption
    click.echo(f"wrote {path}; next: python benchmarks/render_cluster.py {path}")


def _try(
    setup: Setup, peer: Peer, times: Times, cores: Cores, retries: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every load with its figures, or with why there are none."""
    done = []
    try:
        with serve(setup, peer, cores.servers, make_certificate()) as cluster:
            for load in setup.loads:
                measured = partial(measure, cluster, peer, load, times, cores)
                yield load, _quietest(measured, retries)
                done.append(load)
    except PeerError as error:
        yield from ((load, {"failed": str(error)}) for load in setup.loads if load not in done)


def _quietest(measured: Callable[[], dict[str, Any]], retries: int) -> dict[str, Any]:
    """The figures with the least noise, or the first ones that have none; or why there are none."""
    best: dict[str, Any] | None = None
    reason = ""
    for _ in range(1 + retries):
        try:
            figures = measured()
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
    nodes = (" ".join(f"{used:.2f}" for used in node) for node in figures["node_cores"])
    parts = [
        f"{figures['deliveries_per_second']:>9,} /s",
        f"p50 {figures['latency_ms']['p50'] or 0:8.2f} ms",
        f"p99 {figures['latency_ms']['p99'] or 0:8.2f} ms",
        f"cores {' | '.join(nodes)}",
        *(f"{who} {figures[who]:.2f}" for who in ("client", "others")),
        f"redis {figures['redis_cores']:.2f}",
    ]
    if figures["lost"]:
        parts.append(f"lost {figures['lost']:,} of {figures['expected']:,}")
    return "  ".join(parts)


if __name__ == "__main__":
    main()
