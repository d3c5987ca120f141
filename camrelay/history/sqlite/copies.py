"""Copies of the file: made while the server runs, checked, and put back.

Raises StartError, whose text names the file and the remedy.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from camrelay.core.errors import StartError
from camrelay.history.sqlite.database import claim, connect, renew_epochs
from camrelay.history.sqlite.schema import Unsuitable, check, recognise
from camrelay.history.sqlite.words import in_words

# What SQLite has beside a file that is open, or was not closed.
BESIDE = ("-wal", "-shm")


class Contents(NamedTuple):
    """What a file holds; `bytes` is its size."""

    entries: int
    rooms: int
    bytes: int


def backup(file: Path, target: Path) -> Contents:
    """Copy `file`, as it is at one moment, to `target`, which appears whole or not at all."""
    with _explained(file), closing(connect(file)) as source:
        return _copy(source, file, target)


def look_at(file: Path) -> Contents:
    """What is in `file`, once all of it was read and found sound."""
    with _explained(file), closing(connect(file)) as connection:
        if not recognise(connection):
            raise Unsuitable("holds no history")
        check(connection, "integrity_check")
        return _contents(connection, file)


def restore(source: Path, file: Path) -> tuple[Contents, Path | None]:
    """Put the copy `source` in the place of `file`; gives where that one is now, if it was there.

    No server may run. Rooms go on in a new epoch: what was said after the copy is lost.
    """
    look_at(source)
    with _explained(file):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        claimed = claim(file)
        try:
            new = file.with_name(f"{file.name}.new")
            with _explained(source), closing(connect(source)) as connection:
                contents = _copy(connection, source, new)
            with closing(connect(new)) as connection:
                renew_epochs(connection)
            moved = _move_away(file)
            new.rename(file)
            return contents, moved
        finally:
            os.close(claimed)


def _copy(source: sqlite3.Connection, file: Path, target: Path) -> Contents:
    """Copy `file`, which is open as `source`."""
    part = target.with_name(f"{target.name}.part")
    try:
        with _explained(target):
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            with closing(connect(part)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                with _explained(file):  # page by page the same
                    check(copy, "integrity_check")
                copy.execute("UPDATE store SET boot = ''")
                contents = _contents(copy, part)
            part.replace(target)
            return contents
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _contents(connection: sqlite3.Connection, file: Path) -> Contents:
    (entries,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    (rooms,) = connection.execute("SELECT count(DISTINCT room) FROM entry").fetchone()
    return Contents(int(entries), int(rooms), file.stat().st_size)


def _move_away(file: Path) -> Path | None:
    """Rename a file with what belongs to it; gives its new name, or None if it is not there."""
    if not file.exists():
        return None
    moved = next(
        name
        for number in range(1, 1_000_000)
        if not (name := file.with_name(f"{file.name}.before-restore-{number}")).exists()
    )
    for beside in BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{file}{beside}").rename(f"{moved}{beside}")
    return file.rename(moved)


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Whatever is wrong with `file`, in words."""
    try:
        yield
    except Unsuitable as error:
        raise StartError("file", str(file), str(error)) from error
    except sqlite3.Error as error:
        words = "does not exist" if not file.exists() else f"cannot be used: {in_words(error)}"
        raise StartError("file", str(file), words) from error
    except BlockingIOError as error:
        remedy = "is in use by a running server: stop it first"
        raise StartError("file", str(file), remedy) from error
    except OSError as error:
        raise StartError("file", str(file), f"cannot be used: {error.strerror}") from error
