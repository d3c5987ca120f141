"""Where the keys of the server are: the same options for every command that needs them."""

import os
from collections.abc import Callable
from typing import Any

import click

from camrelay.config import OPTIONS, Settings, load
from camrelay.tools.redis_options import sentence

Command = Callable[..., Any]

_OPTIONS = (
    click.option(
        "--data-dir",
        type=click.Path(),
        metavar="DIR",
        help=sentence(OPTIONS["data_dir"].description),
    ),
    click.option("--config", type=click.Path(), metavar="FILE", help="TOML file with settings."),
)

WHERE = """\b
The keys are in keys.json in the server's data directory. Run this as the user
that runs the server, or with the server's --data-dir."""


def key_options(command: Command) -> Command:
    """Add the options; their values go to `key_settings`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def key_settings(config: str | None, data_dir: str | None) -> Settings:
    """What was given, or else found in the environment, in .env and in the file.

    Raises StartError for a value that is not allowed.
    """
    return load({"data_dir": data_dir} if data_dir else {}, os.environ, config)
