"""Several workers behind one port: what they deliver, and what the way through Redis costs.

    python benchmarks/workers.py                    # three rounds, some minutes
    python benchmarks/workers.py --duration 2 --rounds 1

Two measurements, each with a Redis and a camrelay of its own:

* `camrelay bench` with the same rooms against 1, 2 and 4 workers, and against one process without
  Redis. Workers, Redis and client share the cores of this machine: where they are fewer than
  workers + 2, the figures show that and not what the workers could do.
* Two clients of one room at different workers, one message at a time: how long until the other one
  has it, and how long for a member at the same worker.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import matplotlib as mpl
import websocket
from harness import machine
from harness.plots import INK, OURS, SETTINGS, THEIRS, save
from matplotlib import pyplot as plt
from matplotlib.ticker import StrMethodFormatter

from tests.support.redis import RedisServer
from tests.support.server import Server, start_relay
from tests.support.workers import connect_to_each, wait_for_workers, wait_until_heard

RESULTS = Path(__file__).parent / "results"
ROOMS = ("--rooms", "100", "--publishers", "1", "--subscribers", "10", "--window", "4")
# Title, workers, and whether they have a Redis.
SETUPS = (
    ("1 process, no Redis", 1, False),
    ("1 worker", 1, True),
    ("2 workers", 2, True),
    ("4 workers", 4, True),
)
UNLIMITED = ("--message-rate=0", "--connections-per-address=0")
SECONDS_BETWEEN_MESSAGES = 0.005
POSITION = '{"x":1.2503,"y":-0.5117,"z":3.7509}'


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--duration", default=5.0, show_default=True, help="Seconds measured each time.")
@click.option("--output", default=RESULTS, show_default="benchmarks/results", type=Path)
def main(rounds: int, duration: float, output: Path) -> None:
    """Measure, and write workers.json and workers.svg."""
    runs: dict[str, list[dict[str, Any]]] = {title: [] for title, _, _ in SETUPS}
    latency: list[dict[str, float]] = []
    for _ in range(rounds):
        for title, workers, with_redis in SETUPS:
            run = deliveries(workers, with_redis, duration)
            runs[title].append(run)
            click.echo(f"{title}: {run['deliveries_per_second']:,.0f} deliveries/s")
        latency.append(cross_latency(duration))
        click.echo(f"milliseconds: {latency[-1]}")
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "load": " ".join(ROOMS),
        "seconds": duration,
        "deliveries": runs,
        "latency_ms": latency,
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "workers.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    draw(result, output / "workers.svg")


@contextmanager
def camrelay(workers: int, with_redis: bool) -> Iterator[Server]:
    """A camrelay without limits that is ready."""
    with tempfile.TemporaryDirectory() as name, RedisServer(Path(name)) as redis:
        options = [*UNLIMITED, f"--workers={workers}", *(["--redis", redis.url] * with_redis)]
        with start_relay(Path(name) / "relay", *options) as server:
            if workers > 1:
                wait_for_workers(server, workers)
            yield server


def deliveries(workers: int, with_redis: bool, duration: float) -> dict[str, Any]:
    """The report of one `camrelay bench`, without what is the same in all."""
    with camrelay(workers, with_redis) as server, tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        bench = [sys.executable, "-m", "camrelay.tools.main", "bench", *ROOMS, "--quiet"]
        bench += ["--duration", str(duration), "--server-pid", str(server.pid)]
        url = f"ws://127.0.0.1:{server.port}/ws/camera/{{room}}"
        subprocess.run([*bench, "--json", str(report), url], check=True, capture_output=True)
        figures = json.loads(report.read_text("utf-8"))
    kept = ("deliveries_per_second", "latency_ms", "lost", "clients", "server")
    return {name: figures[name] for name in kept}


def cross_latency(duration: float) -> dict[str, float]:
    """Milliseconds from send() to recv(), for a member of the same worker and of another one."""
    ways: dict[str, list[float]] = {"same worker": [], "other worker": []}
    with camrelay(2, True) as server, connect_to_each(server, "/ws/text/hall") as clients:
        wait_until_heard(clients[1], clients[2])
        wait_until_heard(clients[2], clients[1])
        end = time.perf_counter() + duration
        number = 0
        while time.perf_counter() < end:
            for first, second, way in ((1, 2, "same worker"), (2, 1, "other worker")):
                number += 1
                start = time.perf_counter()
                clients[1].send(str(number))
                read_until(clients[first], str(number))
                ways[way].append((time.perf_counter() - start) * 1000)
                read_until(clients[second], str(number))
                time.sleep(SECONDS_BETWEEN_MESSAGES)
    return {
        f"{way} p{percent}": round(statistics.quantiles(times, n=100)[percent - 1], 3)
        for way, times in ways.items()
        for percent in (50, 99)
    }


def read_until(listener: websocket.WebSocket, text: str) -> None:
    """Read messages up to `text`."""
    while listener.recv() != text:
        continue


def draw(result: dict[str, Any], path: Path) -> None:
    """Deliveries a second of every setup: the median as a bar, the rounds as dots."""
    figures = {
        title: [run["deliveries_per_second"] for run in runs]
        for title, runs in result["deliveries"].items()
    }
    with mpl.rc_context(SETTINGS):
        picture, axes = plt.subplots(figsize=(7, 2.8))
        for place, (title, rounds) in enumerate(figures.items()):
            median = statistics.median(rounds)
            colour = OURS if title.endswith("workers") else THEIRS
            axes.barh(place, median, color=colour, height=0.55)
            axes.plot(rounds, [place] * len(rounds), "|", color=INK, ms=9)
            axes.annotate(f"  {median:,.0f}", (max(rounds), place), va="center", fontsize=8)
        axes.set_yticks(range(len(figures)), [*figures])
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        cores = result["machine"]["cores"]
        axes.set_xlabel(f"deliveries a second; workers, Redis and client share {cores} cores")
        axes.set_title("100 rooms of 10 subscribers on several workers")
        save(picture, path)


if __name__ == "__main__":
    main()
