"""`camrelay key` on the command line."""

import click
from tabulate import tabulate

from camrelay.config import data_directory
from camrelay.core.errors import StartError
from camrelay.identity.jwk import ALGORITHMS, HS256
from camrelay.identity.key_file import KeyFile
from camrelay.tools.own_keys import WHERE, key_options, key_settings


def _examples(*lines: str) -> str:
    shown = "\n".join(f"  camrelay key {line}" for line in lines)
    return f"\b\nExamples:\n{shown}\n\n{WHERE}"


@click.group(
    epilog=f"""{WHERE}

\b
Examples:
  camrelay key list          which keys there are, and which one signs
  camrelay key new           a key that is accepted; copy keys.json to all machines
  camrelay key rotate        now the new key signs; copy keys.json again
  camrelay key retire KID    the old key, once its last token has expired

In this order the key is replaced without signing anybody out."""
)
def key() -> None:
    """The keys with which the server signs tokens. It notices changes within a second."""


@key.command("new", epilog=_examples("new", "new --algorithm EdDSA"))
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS),
    default=HS256,
    show_default=True,
    help="HS256: a secret; ES256, EdDSA: a key pair, whose public part may be published.",
)
@key_options
def new(algorithm: str, **given: str | None) -> None:
    """Make a key that is accepted, but does not sign yet (the very first one does)."""
    try:
        made = _file(**given).add(algorithm)
    except StartError as error:
        raise click.ClickException(str(error)) from None
    click.echo(made.kid)


@key.command("list", epilog=_examples("list", "list --data-dir /var/lib/camrelay"))
@key_options
def list_keys(**given: str | None) -> None:
    """Show the names of the keys, oldest first, and which one signs."""
    try:
        file = _file(**given)
        ring = file.read()
    except StartError as error:
        raise click.ClickException(str(error)) from None
    if ring is None:
        click.echo(f"no keys yet: {file.path} is made when the first one is needed")
        return
    rows = [
        (each.kid, each.algorithm, "signs" if each.kid == ring.signing.kid else "is believed")
        for each in ring.keys.keys.values()
    ]
    click.echo(tabulate(rows, tablefmt="plain", disable_numparse=True))


@key.command("rotate", epilog=_examples("rotate"))
@key_options
def rotate(**given: str | None) -> None:
    """Let the newest key sign; if it does already, make a new one first.

    Earlier tokens stay valid until they expire, or until their key is retired.
    """
    try:
        signing = _file(**given).rotate()
    except StartError as error:
        raise click.ClickException(str(error)) from None
    click.echo(signing.kid)


@key.command("retire", epilog=_examples("retire 20261120-3fa2c1"))
@click.argument("kid", metavar="KID")
@key_options
def retire(kid: str, **given: str | None) -> None:
    """Remove the key KID: all tokens that it has signed are refused from now on."""
    try:
        _file(**given).retire(kid)
    except StartError as error:
        raise click.ClickException(str(error)) from None


def _file(**given: str | None) -> KeyFile:
    return KeyFile(data_directory(key_settings(**given)))
