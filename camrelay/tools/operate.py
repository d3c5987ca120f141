"""`camrelay status` and `camrelay drain`: a running server, seen and ended from a shell."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import click

from camrelay.core.errors import StartError
from camrelay.ops.status import LARGEST_ROOMS
from camrelay.tools.admin_client import AdminClient, Unanswered, admin_place

NOT_READY = 3
"""Exit code of a status that is not "ready"; 1 and 2 are those of errors."""

_SECONDS_BETWEEN_LOOKS = 0.5
_PROBLEMS = (StartError, Unanswered)
_WHERE = """Without --admin, the endpoint is taken from the environment (CAMRELAY_ADMIN), .env or
camrelay.toml, or is /run/camrelay/admin.sock, as with the systemd unit."""

Command = Callable[..., Any]


def _place(command: Command) -> Command:
    config = click.option("--config", metavar="FILE", help="TOML file with settings.")
    admin = click.option(
        "--admin", metavar="ENDPOINT", help="The --admin with which the server was started."
    )
    return admin(config(command))


@click.command(
    epilog=f"""\b
Examples:
  sudo camrelay status
  camrelay status --admin tcp:9443:interface=127.0.0.1
  camrelay status --json | jq .connections

{_WHERE}"""
)
@_place
@click.option("--json", "as_json", is_flag=True, help="The whole status as JSON.")
def status(admin: str | None, config: str | None, as_json: bool) -> None:
    """Show the state of a running server.

    Exit code: 0 if it is ready, 3 if it is not, 1 if it does not answer.
    """
    try:
        found = AdminClient(admin_place(admin, config)).ask("GET", "/status")
    except _PROBLEMS as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(_in_words(found)))
    sys.exit(0 if found["state"] == "ready" else NOT_READY)


def _in_words(found: dict[str, Any]) -> Iterator[str]:
    """The lines for people."""
    yield f"{found['state']}, {_counted(found)}, for {_duration(found['uptime'])}"
    yield f"camrelay {found['version']}, process {found['pid']}{_redis(found)}"
    for reason in found["reasons"].values():
        yield f"not ready: {reason}"
    if "history" in found.get("degraded", {}):
        yield f"nothing is stored: {found['degraded']['history']}"
    for worker in found.get("workers", ()):
        state, number = worker["state"], worker["number"]
        counted = f", {_counted(worker)}, process {worker['pid']}" if "pid" in worker else ""
        yield f"worker {number}: {state}{counted}{_redis(worker)}"
    for room, members in _largest_rooms(found):
        yield f"{members:>6} in {room}"


def _largest_rooms(found: dict[str, Any]) -> list[tuple[str, int]]:
    """A room may have members at several workers."""
    members: Counter[str] = Counter()
    for process in (found, *found.get("workers", ())):
        members.update(process.get("largest_rooms", {}))
    return members.most_common(LARGEST_ROOMS)


def _counted(found: dict[str, Any]) -> str:
    rooms = f" in {_many(found['rooms'], 'room')}" if "rooms" in found else ""
    return _many(found["connections"], "connection") + rooms


def _many(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _redis(found: dict[str, Any]) -> str:
    return f", Redis is {found['redis']}" if found.get("redis") else ""


def _duration(seconds: float) -> str:
    """In the two largest units: "3 d 4 h"."""
    left = int(seconds)
    sizes = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for unit, size in sizes:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


@click.command(
    epilog=f"""\b
Examples:
  sudo camrelay drain
  camrelay drain --admin tcp:9443:interface=127.0.0.1 --no-wait

{_WHERE}"""
)
@_place
@click.option("--wait/--no-wait", default=True, help="Return when the process has ended.")
def drain(admin: str | None, config: str | None, wait: bool) -> None:
    """Close all connections, each with a time to reconnect, and stop the server.

    SIGTERM and `systemctl stop` do the same, within the server's --drain-time. systemd starts a
    drained service again; after `systemctl stop` it does not.
    """
    try:
        client = AdminClient(admin_place(admin, config))
        found = client.ask("GET", "/status")
        client.ask("POST", "/drain")
    except _PROBLEMS as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{_many(found['connections'], 'connection')} to close")
    for left in _left(client, found) if wait else ():
        click.echo(f"{left} left")
    if wait:
        click.echo("the server has ended")


def _left(client: AdminClient, found: dict[str, Any]) -> Iterator[int]:
    """The number of connections whenever it has changed, until the process is gone."""
    left = found["connections"]
    while True:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
        try:
            now = client.ask("GET", "/status")
        except Unanswered:
            return
        if now["pid"] != found["pid"]:  # the next one
            return
        if now["connections"] != left:
            left = now["connections"]
            yield left
