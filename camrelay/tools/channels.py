"""`camrelay send` and `camrelay receive` on the command line."""

import json
import sys

import click

from camrelay.channels.blocking import Channels
from camrelay.channels.promises import ChannelFull, ChannelLimits
from camrelay.core.errors import StartError
from camrelay.redis.errors import LinkError
from camrelay.tools.redis_options import redis_options, redis_place

PROBLEMS = (StartError, LinkError, ChannelFull, ValueError)
NOTHING_CAME = 3
"""Exit code of a receive without a message; 1 and 2 are those of errors."""


@click.command(
    epilog="""\b
Examples:
  camrelay send jobs 'hello' --redis redis://localhost
  camrelay send jobs --json '{"photo": 17}'
  camrelay send jobs - < photo.jpg

The URL of Redis comes from the environment (REDIS_URL), .env and camrelay.toml too."""
)
@click.argument("channel")
@click.argument("message")
@click.option("--json", "is_json", is_flag=True, help="Check that MESSAGE is valid JSON.")
@click.option(
    "--expiry",
    type=click.FloatRange(min=0.001),
    default=ChannelLimits().expiry,
    show_default=True,
    metavar="SECONDS",
    help="How long the message waits for a receiver.",
)
@click.option(
    "--capacity",
    type=click.IntRange(min=1),
    default=ChannelLimits().capacity,
    show_default=True,
    metavar="N",
    help="Fail if N messages wait in the channel already.",
)
@redis_options
def send(
    channel: str, message: str, is_json: bool, expiry: float, capacity: int, **given: str | None
) -> None:
    """Put MESSAGE into CHANNEL, for one receiver. `-` reads it from standard input.

    Fails if the channel is full, and sends nothing if standard input is empty.
    """
    content = sys.stdin.buffer.read() if message == "-" else message.encode()
    if message == "-" and not content:  # the end of a pipe from a command that had nothing
        raise click.ClickException("standard input is empty: nothing was sent")
    try:
        if is_json:
            _check_json(content)
        place = redis_place(**given)
        limits = ChannelLimits(expiry=expiry, capacity=capacity)
        with Channels(place.url, trust=place.trust) as channels:
            channels.send(channel, content, limits)
    except PROBLEMS as error:
        raise click.ClickException(str(error)) from None


def _check_json(content: bytes) -> None:
    try:
        json.loads(content)
    except ValueError as error:
        raise click.BadParameter(f"is not JSON: {error}", param_hint="MESSAGE") from None


@click.command(
    epilog="""\b
Examples:
  camrelay receive jobs --redis redis://localhost
  camrelay receive jobs --wait 10 || echo nothing came
  camrelay receive jobs --count 0 | while read -r message; do echo "$message"; done

The URL of Redis comes from the environment (REDIS_URL), .env and camrelay.toml too."""
)
@click.argument("channel")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for each message (default: no limit); exit code 3 if none came.",
)
@click.option(
    "--count",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="How many messages to take; 0: without end.",
)
@redis_options
def receive(channel: str, wait: float | None, count: int, **given: str | None) -> None:
    """Take messages from CHANNEL and print them, each followed by a newline."""
    try:
        place = redis_place(**given)
        with Channels(place.url, trust=place.trust) as channels:
            taken = 0
            while taken < count or not count:
                message = channels.receive(channel, wait)
                if message is None:
                    sys.exit(NOTHING_CAME)
                click.echo(message)
                taken += 1
    except PROBLEMS as error:
        raise click.ClickException(str(error)) from None
