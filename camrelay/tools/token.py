"""`camrelay token` on the command line."""

import re
import time

import click

from camrelay.config import Settings, data_directory
from camrelay.core.display_names import display_name
from camrelay.core.errors import PeerError, StartError
from camrelay.core.grants import check_channel_pattern, check_pattern
from camrelay.core.identity import Grants, Identity
from camrelay.identity.jwk import KeySet
from camrelay.identity.own_keys import OwnKeys
from camrelay.identity.tokens import TokenRules, Tokens
from camrelay.tools.own_keys import WHERE, key_options, key_settings

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = 366 * 86400


def _seconds(_context: click.Context, _option: click.Parameter, text: str) -> int:
    """What 90, 90s, 15m, 1h or 7d says."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= seconds <= LONGEST:
        raise click.BadParameter(f"{text!r} is not from 1s to 366d, such as 30s, 15m, 1h or 7d")
    return seconds


@click.command(
    epilog=f"""\b
Examples:
  camrelay token --subject alice --room 'chat/*' --ttl 1h
  camrelay token --subject screen-1 --room camera/lab --read-only --ttl 30d
  camrelay token --subject backend --send thumbnails --receive results

{WHERE}"""
)
@click.option("--subject", required=True, help="Unique id of the user; {user} in routes.")
@click.option("--name", default="", help="The name that others see (default: the subject).")
@click.option(
    "--room",
    "rooms",
    multiple=True,
    metavar="PATTERN",
    help="Rooms that it grants: chat/lobby, chat/*, /shout/**; may be repeated.",
)
@click.option(
    "--publish/--read-only",
    default=True,
    show_default=True,
    help="Whether it also allows publishing in these rooms.",
)
@click.option("--send", multiple=True, metavar="CHANNEL", help="Channel to send to, or *.")
@click.option("--receive", multiple=True, metavar="CHANNEL", help="Channel to receive from, or *.")
@click.option(
    "--ttl",
    callback=_seconds,
    default="1h",
    show_default=True,
    metavar="TIME",
    help="How long it is valid.",
)
@key_options
def token(  # noqa: PLR0913 (the options of the command)
    subject: str,
    name: str,
    rooms: tuple[str, ...],
    publish: bool,
    send: tuple[str, ...],
    receive: tuple[str, ...],
    ttl: int,
    **given: str | None,
) -> None:
    """Print a token that the server accepts: for an Authorization header, or ?token=.

    Whoever has the token is SUBJECT to the server until it expires. For rooms that are open to
    everybody, or to all signed-in users, no --room is needed.
    """
    try:
        grants = Grants(rooms, rooms if publish else (), send, receive)
        _check(grants)
        identity = Identity(subject, display_name(name) if name else "", grants)
        click.echo(_sign(identity, ttl, key_settings(**given)))
    except (StartError, PeerError) as error:
        raise click.ClickException(str(error)) from None


def _check(grants: Grants) -> None:
    for pattern in grants.subscribe:
        check_pattern(pattern)
    for pattern in grants.send + grants.receive:
        check_channel_pattern(pattern)


def _sign(identity: Identity, ttl: int, settings: Settings) -> str:
    """The token, after it was read as the server will read it."""
    own = OwnKeys(data_directory(settings), time.monotonic, _Told())
    rules = TokenRules(settings.token_audience, settings.token_issuer, settings.token_leeway)
    tokens = Tokens(own, KeySet(), rules, time.time)
    signed = tokens.sign(identity, ttl)
    tokens.verify(signed)
    return signed


class _Told:
    """Says that a key was made: whoever names another data directory than the server has two."""

    def keys_read(self, place: str, names: object) -> None:
        """The first key was made."""
        click.echo(f"made {place}: the server has to use the same --data-dir", err=True)

    def keys_not_read(self, place: str, why: str) -> None:
        """Never happens here: this command reads once."""

    def keys_not_made(self, why: str) -> None:
        """The command fails, and says why."""
