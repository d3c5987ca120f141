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


def upgrade(connection: sqlite3.Connection, folder: Traversable = FOLDER) -> None:
    """Give the database the tables of this version. Raises Unsuitable and sqlite3.Error."""
    steps = [step for step in folder.iterdir() if step.name.endswith(".sql")]
    steps.sort(key=lambda step: step.name)
    version = _version(connection)
    if version > len(steps):
        raise Unsuitable(
            f"was made by a newer camrelay (tables {version}, this one knows {len(steps)}): "
            "install that version again, or move the file away"
        )
    for number, step in enumerate(steps[version:], version + 1):
        _carry_out(connection, number, step.read_text("utf-8"))


def _version(connection: sqlite3.Connection) -> int:
    """How many steps were carried out."""
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
