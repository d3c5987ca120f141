"""`camrelay history` on the command line: backup, check and restore."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from camrelay.config import data_directory, load
from camrelay.core.errors import StartError
from camrelay.history.sqlite.copies import Contents, backup, look_at, restore
from camrelay.history.sqlite.database import NAME

Command = Callable[..., Any]

_PLACE = (
    click.option("--data-dir", metavar="DIR", help="The data directory of the server."),
    click.option("--config", metavar="FILE", help="TOML file with settings."),
)


def _place_options(command: Command) -> Command:
    for option in reversed(_PLACE):
        command = option(command)
    return command


def _file_of_server(config: str | None, data_dir: str | None) -> Path:
    """Where the server with the same settings has its history. Raises StartError."""
    given = {"data_dir": data_dir} if data_dir else {}
    return data_directory(load(given, os.environ, config)) / NAME


@click.group(
    epilog="""\b
Examples:
  camrelay history backup monday.sqlite3
  camrelay history backup --data-dir /var/lib/camrelay /backup/$(date +%F).sqlite3
  camrelay history check
  camrelay history restore monday.sqlite3

The data directory may also come from the environment, .env and camrelay.toml."""
)
def history() -> None:
    """Back up, check and restore the message history of `--history sqlite`."""


@history.command(
    "backup",
    epilog="""\b
Examples:
  camrelay history backup monday.sqlite3
  camrelay history backup --data-dir /var/lib/camrelay /backup/$(date +%F).sqlite3""",
)
@click.argument("file", type=click.Path(path_type=Path))
@_place_options
def backup_command(file: Path, **place: str | None) -> None:
    """Copy the history to FILE, also while the server runs.

    FILE is a consistent copy. It is verified, and then replaces an older file of that name.
    """
    with _complaints():
        click.echo(_in_words(file, backup(_file_of_server(**place), file)))


@history.command(
    "check",
    epilog="""\b
Examples:
  camrelay history check
  camrelay history check monday.sqlite3""",
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_place_options
def check_command(file: Path | None, **place: str | None) -> None:
    """Verify FILE; by default, the server's own history."""
    with _complaints():
        found = file or _file_of_server(**place)
        click.echo(_in_words(found, look_at(found)))


@history.command(
    "restore",
    epilog="""\b
Examples:
  camrelay history restore monday.sqlite3
  camrelay history restore --data-dir /var/lib/camrelay monday.sqlite3""",
)
@click.argument("file", type=click.Path(path_type=Path))
@_place_options
def restore_command(file: Path, **place: str | None) -> None:
    """Replace the server's history with FILE; the server must be stopped.

    The current file is renamed. Clients that reconnect are told that messages are missing.
    """
    with _complaints():
        target = _file_of_server(**place)
        contents, moved = restore(file, target)
        click.echo(_in_words(target, contents))
        if moved is not None:
            click.echo(f"the previous history is now {moved}")


@contextmanager
def _complaints() -> Iterator[None]:
    """What is wrong, in one line."""
    try:
        yield
    except StartError as error:
        raise click.ClickException(str(error)) from None


def _in_words(file: Path, contents: Contents) -> str:
    entries, rooms, size = contents
    return f"{file} is sound: {size / 1e6:.1f} MB, messages: {entries:,}, rooms: {rooms:,}"
