"""`camrelay doctor` on the command line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from camrelay.core.errors import StartError
from camrelay.redis.trust import Trust
from camrelay.tools.doctor.examine import Wishes, examine
from camrelay.tools.doctor.target import Target
from camrelay.tools.findings import Finding, print_as_json, summary, worst
from camrelay.tools.redis_answer import ask_redis

IDLE_SECONDS = 75.0
"""Longer than the 55 to 60 seconds after which most proxies cut silent connections."""
_REDIS = ("redis", "redis_ca", "redis_insecure")
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  camrelay doctor wss://relay.example/ws/camera
  camrelay doctor wss://localhost:8443 --authority camrelay_development_ca.crt
  camrelay doctor wss://relay.example/ws/chat/lobby --origin https://app.example --idle
  camrelay doctor wss://relay.example --json | jq '.findings[] | select(.level != "ok")'

Run it in the network of the clients: another network has another DNS, other firewalls and other
proxies. It joins the room of the URL and publishes nothing there. Exit code: 0 no problem,
1 a warning, 2 a problem."""
)
@click.argument("url")
@click.option("--authority", type=_FILE, help="PEM file of a CA to trust besides the system's.")
@click.option(
    "--certificate", type=_FILE, help="PEM file with a client certificate, if the server wants one."
)
@click.option(
    "--private-key", type=_FILE, help="PEM file with its key (default: in the certificate's file)."
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Web origin whose pages should be able to connect; may be repeated.",
)
@click.option(
    "--idle",
    is_flag=False,
    flag_value=IDLE_SECONDS,
    default=0.0,
    type=click.FloatRange(min=0),
    metavar="[SECONDS]",
    help="Also keep a connection silent and check whether a proxy closes it "
    f"(for {IDLE_SECONDS:.0f} seconds by default).",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for each answer.",
)
@click.option("--redis", metavar="URL", help="Also check the Redis of the servers.")
@click.option("--redis-ca", type=_FILE, help="PEM file of the authorities that rediss:// trusts.")
@click.option("--redis-insecure", is_flag=True, help="Accept any certificate from rediss://.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def doctor(url: str, as_json: bool, **given: Any) -> None:
    """Check from the client's side whether clients can connect to a server.

    URL is that of a room, wss:// or ws://; the default path is /ws/camera. The doctor checks DNS,
    TCP, the certificate, TLS as Unity, Android and browsers use it, the handshake as
    WebSocketSharp, OkHttp and browsers read it, the path with and without a trailing slash,
    Origin, compression, round-trip time and clock. Each problem is one line with its remedy.
    """
    redis, redis_ca, redis_insecure = (given.pop(name) for name in _REDIS)
    try:
        target = Target.read(url)
        found = examine(target, Wishes(**given))
        findings = list(found) if as_json else _tell(found)
        if redis is not None:
            answer = ask_redis(redis, Trust(redis_ca, redis_insecure))
            findings += [answer] if as_json else _tell(iter([answer]))
    except StartError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        print_as_json(findings, url=target.url)
    else:
        click.echo(f"\n{summary(findings)}")
    sys.exit(worst(findings))


def _tell(findings: Iterator[Finding]) -> list[Finding]:
    """Print each finding as soon as it is there."""
    told = []
    for finding in findings:
        click.echo(finding.line())
        told.append(finding)
    return told
