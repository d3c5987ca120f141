"""The tables, and how those of older versions become those of this one.

`schema/001.sql`, `002.sql` and so on are carried out in order, each once, each whole or not at all.
The file knows how far it is: https://www.sqlite.org/pragma.html#pragma_user_version.
"""

import sqlite3
from importlib.resources import files
from importlib.resources.abc import Traversable

FOLDER = files("camrelay.history.sqlite") / "schema"

# Bytes 68 to 71 of the file, by which `file` and others may tell it from other databases: "camr".
APPLICATION_ID = 0x63616D72


class Unsuitable(Exception):
    """The file is a database, but none for this program; the text says why, and what to do."""


class Damaged(Unsuitable):
    """The file contradicts itself; the text says where."""


def upgrade(connection: sqlite3.Connection, folder: Traversable = FOLDER) -> None:
    """Give the database the tables of this version. Raises Unsuitable and sqlite3.Error."""
    version, steps = recognise(connection, folder), _steps(folder)
    for number, step in enumerate(steps[version:], version + 1):
        _carry_out(connection, number, step.read_text("utf-8"))


def recognise(connection: sqlite3.Connection, folder: Traversable = FOLDER) -> int:
    """How many steps were carried out: none in a file that is empty.

    Raises Unsuitable and sqlite3.Error.
    """
    version, known = _version(connection), len(_steps(folder))
    if version > known:
        raise Unsuitable(
            f"was made by a newer camrelay (tables {version}, this one knows {known}): "
            "install that version again, or move the file away"
        )
    return version


def check(connection: sqlite3.Connection, pragma: str) -> None:
    """Raise Damaged for the first contradiction; `pragma`: integrity_check or quick_check.

    https://www.sqlite.org/pragma.html#pragma_integrity_check
    """
    (found,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
    if found != "ok":
        raise Damaged(f"is damaged ({found})")


def _steps(folder: Traversable) -> list[Traversable]:
    steps = [step for step in folder.iterdir() if step.name.endswith(".sql")]
    return sorted(steps, key=lambda step: step.name)


def _version(connection: sqlite3.Connection) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (tables or application) and application != APPLICATION_ID:
        raise Unsuitable("is a database of another program: move it away")
    return int(version)


def _carry_out(connection: sqlite3.Connection, number: int, step: str) -> None:
    identify = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {step}\n; {identify} COMMIT;")
    except sqlite3.Error:
        connection.rollback()
        raise
