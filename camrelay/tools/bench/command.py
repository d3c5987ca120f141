"""`camrelay bench` on the command line."""

import json
import select
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from camrelay.core.errors import StartError
from camrelay.tools.bench.carry_out import carry_out
from camrelay.tools.bench.dialect import PLAIN, read_dialect
from camrelay.tools.bench.fleet import BenchError
from camrelay.tools.bench.plan import Load, Plan, Timing, Topology, Trust
from camrelay.tools.bench.report import Report
from camrelay.tools.bench.usage import ServerUsage

SEARCH_SECONDS = 2.0
SEARCH_DRAIN = 15.0
FIRST_RATE = 1.0
MOST_PADDING = 60_000
"""A longer message needs another kind of frame header."""
_INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = click.Path(dir_okay=False, writable=True, path_type=Path)
_SOME = click.IntRange(min=1)
_ANY = click.IntRange(min=0)
_POSITIVE = click.FloatRange(min=0, min_open=True)


class BadOption(click.ClickException):
    """What was asked for cannot be done: one line, exit code 2."""

    exit_code = 2


@click.command(
    epilog="""\b
Examples:
  camrelay bench ws://localhost:8080/ws/camera/{room} -s 1000
  camrelay bench ws://localhost:8080/ws/camera/{room} -r 100 -s 10 --rate 30 --duration 60
  camrelay bench wss://localhost:8443/ws/camera/{room} --authority ca.pem --find-limit --p99 20
  camrelay bench ws://localhost:8080/ws/camera/{room} -s 5000 --idle --server-pid $(pgrep twistd)

Start the server with --message-rate 0 --connections-per-address 0, or its limits are measured.
For comparable figures, give server and client a core each: `taskset -c 0 twistd ...` and
`taskset -c 1 camrelay bench ...`."""
)
@click.argument("url")
@click.option(
    "-r", "--rooms", type=_SOME, default=1, show_default=True, metavar="N", help="How many rooms."
)
@click.option(
    "-p",
    "--publishers",
    type=_ANY,
    default=1,
    show_default=True,
    metavar="N",
    help="Publishers in each room.",
)
@click.option(
    "-s",
    "--subscribers",
    type=_ANY,
    default=100,
    show_default=True,
    metavar="N",
    help="Subscribers in each room.",
)
@click.option(
    "--window",
    type=_SOME,
    metavar="N",
    help="Closed loop: N messages in flight for each publisher, the next one leaves when one has "
    "reached everybody. Shows how much the server can do. This is the default, with N = 4.",
)
@click.option(
    "--rate",
    type=_POSITIVE,
    metavar="HZ",
    help="Open loop: HZ messages per second from each publisher, whatever the server does. "
    "Shows the latency at that load.",
)
@click.option("--idle", is_flag=True, help="Publish nothing, only hold the connections.")
@click.option(
    "--find-limit",
    is_flag=True,
    help="Search for the highest rate per publisher that loses nothing and stays below --p99, "
    f"beginning at --rate (default {FIRST_RATE:g}).",
)
@click.option(
    "--p99",
    type=_POSITIVE,
    default=50.0,
    show_default=True,
    metavar="MS",
    help="The 99th percentile of latency that --find-limit allows, in milliseconds.",
)
@click.option(
    "--duration",
    type=_POSITIVE,
    metavar="SECONDS",
    help=f"How long to measure: 5, with --find-limit {SEARCH_SECONDS:g} for each step.",
)
@click.option(
    "--warm-up",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to publish before measuring.",
)
@click.option(
    "--echo",
    type=click.Choice(["all", "others", "none"]),
    default="all",
    show_default=True,
    help="Which publishers get the messages of their room: all, all but the sender, or none. "
    "Needed to count lost messages.",
)
@click.option(
    "--slow",
    type=_ANY,
    default=0,
    show_default=True,
    metavar="N",
    help="Also connect N clients, in all, that never read.",
)
@click.option(
    "--churn",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="N",
    help="Also let N extra clients per second connect, stay for a second, and leave.",
)
@click.option(
    "--padding",
    type=click.IntRange(0, MOST_PADDING),
    default=0,
    show_default=True,
    metavar="N",
    help="Add a field of N characters to each message of 56 bytes.",
)
@click.option(
    "--processes",
    type=_SOME,
    default=1,
    show_default=True,
    metavar="N",
    help="Client processes, at most one per free core.",
)
@click.option("--authority", type=_INPUT, help="PEM file of the authority to trust, for wss.")
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
@click.option(
    "--dialect",
    type=_INPUT,
    help="TOML file for servers with a protocol of their own: subprotocol, greeting, and the "
    "envelope of a message (see camrelay/tools/bench/dialect.py).",
)
@click.option(
    "--server-pid",
    type=int,
    metavar="PID",
    help="Report CPU and memory of this process and its children.",
)
@click.option("--json", "json_file", type=_OUTPUT, help="Also write everything to FILE as JSON.")
@click.option("--quiet", is_flag=True, help="Do not print progress on stderr.")
def bench(url: str, **options: Any) -> None:
    """Load a WebSocket relay and measure it.

    URL is ws:// or wss://, with {room} in place of the room name. Publishers send camera
    positions of 56 bytes, {"x":...,"y":...,"z":...,"t":...}; from "t" the receivers calculate the
    latency. Any server that passes JSON on, as it is or encoded again, can be measured.
    """
    if not hasattr(select, "epoll"):
        raise BadOption("camrelay bench needs Linux: it is built on epoll")
    try:
        plan = _plan(url, options)
        usage = _usage(options["server_pid"])
        bound = options["p99"] if options["find_limit"] else None
        report = carry_out(plan, usage, bound, None if options["quiet"] else sys.stderr)
        click.echo(report.table())
        if options["json_file"]:
            _write_json(options["json_file"], report)
    except StartError as error:
        raise BadOption(str(error)) from error
    except BenchError as error:
        raise click.ClickException(str(error)) from error


def _plan(url: str, options: Mapping[str, Any]) -> Plan:
    topology = Topology(
        **{name: options[name] for name in ("rooms", "subscribers", "echo", "slow", "churn")},
        publishers=0 if options["idle"] else options["publishers"],
    )
    searching = options["find_limit"]
    timing = Timing(
        warm_up=0.0 if options["idle"] else options["warm_up"],
        duration=options["duration"] or (SEARCH_SECONDS if searching else Timing().duration),
        drain=SEARCH_DRAIN if searching else Timing().drain,
    )
    return Plan(
        url=url,
        topology=topology,
        load=_load(options),
        timing=timing,
        trust=Trust(options["authority"], options["insecure"]),
        dialect=read_dialect(options["dialect"]) if options["dialect"] else PLAIN,
        padding=options["padding"],
        processes=options["processes"],
    )


def _load(options: Mapping[str, Any]) -> Load:
    rate, window = options["rate"] or 0.0, options["window"] or 0
    if options["idle"]:
        if rate or window or options["find_limit"]:
            raise StartError("--idle", True, "publishes nothing: leave the other one out")
        return Load()
    if options["find_limit"]:
        if window:
            raise StartError("--window", window, "has no rate to search for: leave it out")
        return Load(rate=rate or FIRST_RATE)
    return Load(rate, window or (0 if rate else 4))


def _usage(pid: int | None) -> ServerUsage | None:
    if pid is None:
        return None
    try:
        return ServerUsage(pid)
    except ProcessLookupError:
        raise StartError("--server-pid", pid, "is no running process") from None


def _write_json(path: Path, report: Report) -> None:
    try:
        path.write_text(json.dumps(report.as_json(), indent=2) + "\n", "utf-8")
    except OSError as error:
        raise StartError("--json", str(path), f"cannot be written: {error}") from error
