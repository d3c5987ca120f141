"""What it costs a whole server to keep what is said: the load of the fan-out, with each history.

    python benchmarks/kept_rooms.py                             # three rounds, three minutes
    python benchmarks/kept_rooms.py --rounds 1 --duration 1

The rooms take texts, and all of them are stored before anybody gets them; with `off` the same rooms
keep nothing. Client, payload and workloads are those of benchmarks/run.py: every server is fresh,
the server has a core of its own, and so has the client. Redis is left to the kernel.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from harness.client import find_client
from harness.measuring import Times, measure
from harness.peers import SERVER_CORES, make_certificate
from harness.workloads import WORKLOADS

from tests.support.redis import RedisServer
from tests.support.server import start_relay

ROUTE = """
[[routes]]
path = "/ws/kept/{room}"
kind = "text"
history = 1000
"""
UNLIMITED = ("--message-rate=0", "--byte-rate=0", "--connections-per-address=0")
HISTORIES = ("off", "memory", "sqlite", "redis")
LOADS = ("W1", "W2", "W3")


@dataclass(frozen=True, slots=True)
class KeptRooms:
    """A camrelay with a history, to be measured as a peer is."""

    history: str
    path: str = "/ws/kept/{room}"
    dialect: None = None

    @contextmanager
    def serve(self, _certificate: None) -> Iterator[tuple[int, int]]:
        """Its process id and its port."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "camrelay.toml").write_text(ROUTE, "utf-8")
            with self._redis(folder) as options:
                listen = ("--listen", "tcp:0:interface=127.0.0.1")
                history = ("--history", self.history)
                with start_relay(folder, *listen, *UNLIMITED, *history, *options) as server:
                    pin(server.pid)
                    yield server.pid, server.port

    @contextmanager
    def _redis(self, folder: Path) -> Iterator[tuple[str, ...]]:
        if self.history != "redis":
            yield ()
            return
        with RedisServer(folder) as redis:
            yield "--redis", redis.url


def pin(pid: int) -> None:
    """Give all threads of a process the core of servers."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {int(SERVER_CORES)})


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--duration", default=2.0, show_default=True, help="Seconds measured each time.")
def main(rounds: int, duration: float) -> None:
    """Print a table: medians, and how they compare with `off`."""
    client, certificate = find_client(), make_certificate()
    times = Times(warm_up=0.5, duration=duration)
    runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for load in LOADS:
            for history in HISTORIES:
                peer: Any = KeptRooms(history)
                figures = measure(peer, WORKLOADS[load], times, certificate, client)
                assert not figures["dropped"], figures
                runs.setdefault((load, history), []).append(figures)
    click.echo("| load | history | deliveries/s | ratio | CPU µs each | ratio | p50 ms | p99 ms |")
    click.echo("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for (load, history), found in runs.items():
        click.echo(f"| {' | '.join((load, history, *compared(found, runs[load, 'off'])))} |")
    everything = [each for found in runs.values() for each in found]
    others = statistics.median(each["others"] for each in everything)
    click.echo(f"\n{client.title}; others used {others:.2f} of the cores (median)")


def compared(runs: list[dict[str, Any]], off: list[dict[str, Any]]) -> Iterator[str]:
    """Medians as text, with ratios to what it is without a history."""
    for name, form in (("deliveries_per_second", ",.0f"), ("us_per_delivery", ".2f")):
        figure, usual = middle(runs, name), middle(off, name)
        yield f"{figure:{form}}"
        yield f"{figure / usual:.2f}"
    for share in ("p50", "p99"):
        yield f"{statistics.median(each['latency_ms'][share] for each in runs):.2f}"


def middle(runs: list[dict[str, Any]], name: str) -> float:
    """The median of a figure."""
    return statistics.median(each[name] for each in runs)


if __name__ == "__main__":
    main()
