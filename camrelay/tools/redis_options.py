"""Where the Redis of the servers is: the same options for every command that needs to know."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click

from camrelay.config import OPTIONS, Settings, load
from camrelay.redis.trust import Trust
from camrelay.redis.url import RedisUrl, parse

Command = Callable[..., Any]


def sentence(text: str) -> str:
    """The description of a setting as `--help` has it."""
    return f"{text[:1].upper()}{text[1:]}."


_OPTIONS = (
    click.option("--redis", metavar="URL", help="The Redis of the servers (also: REDIS_URL)."),
    click.option(
        "--redis-ca",
        type=click.Path(),
        metavar="FILE",
        help=sentence(OPTIONS["redis_ca"].description),
    ),
    click.option(
        "--redis-insecure", is_flag=True, help=sentence(OPTIONS["redis_insecure"].description)
    ),
    click.option("--config", type=click.Path(), metavar="FILE", help="TOML file with settings."),
)


class Place(NamedTuple):
    """A Redis, whom to trust there, and all other settings."""

    url: RedisUrl
    trust: Trust
    settings: Settings


def redis_options(command: Command) -> Command:
    """Add the options; their values go to `redis_place`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def redis_place(config: str | None, **given: str | bool | None) -> Place:
    """What was given, or else found in the environment, in .env and in the file.

    Raises StartError for a value that is not allowed, and click.UsageError when none names a
    Redis.
    """
    settings = load({name: value for name, value in given.items() if value}, os.environ, config)
    if settings.redis is None:
        raise click.UsageError("the Redis of the servers is not known: add --redis redis://HOST")
    authority = Path(settings.redis_ca) if settings.redis_ca else None
    return Place(parse(settings.redis), Trust(authority, settings.redis_insecure), settings)
