"""The tables of one version become those of the next, with everything that is in them."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from camrelay.history.sqlite.schema import FOLDER, upgrade

SECOND = """
ALTER TABLE entry ADD COLUMN language TEXT NOT NULL DEFAULT '';
CREATE INDEX entry_language ON entry (language);
"""
THIRD = "UPDATE entry SET language = 'pt'; -- and a comment at the end"
BROKEN = "DROP TABLE entry; SELECT 1 FROM nowhere;"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database of version 1 with an entry."""
    with closing(sqlite3.connect(tmp_path / "any.sqlite3", isolation_level=None)) as connection:
        upgrade(connection, folder(tmp_path / "first"))
        connection.execute("INSERT INTO room VALUES (1, '/ws/chat/a', 'e', 0, 60.0, 0.0)")
        connection.execute("INSERT INTO entry VALUES (1, 1, 5.0, 'n-1', 'Zoë', '', 0, 'olá')")
        yield connection


def folder(path: Path, *later: str) -> Path:
    """The first step as it is, and later ones."""
    path.mkdir()
    with (FOLDER / "001.sql").open("rb") as first, (path / "001.sql").open("wb") as copy:
        shutil.copyfileobj(first, copy)
    for number, step in enumerate(later, 2):
        (path / f"{number:03}.sql").write_text(step, "utf-8")
    return path


def version(connection: sqlite3.Connection) -> int:
    """How many steps were carried out."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def test_a_first_version_becomes_the_newest(tmp_path: Path, connection: sqlite3.Connection) -> None:
    """Each step once and in order; what was there stays."""
    steps = folder(tmp_path / "third", SECOND, THIRD)
    for _ in range(2):
        upgrade(connection, steps)
        assert version(connection) == 3
    entry = connection.execute("SELECT body, language FROM entry").fetchall()
    assert entry == [("olá", "pt")]


def test_the_steps_of_this_version_can_be_taken_from_the_first(
    connection: sqlite3.Connection,
) -> None:
    """Whatever they are."""
    upgrade(connection)
    assert connection.execute(
        "SELECT path, user, body FROM entry JOIN room ON id = room"
    ).fetchall()
    assert version(connection) == len([step for step in FOLDER.iterdir() if step.is_file()])


def test_a_step_that_fails_changes_nothing(tmp_path: Path, connection: sqlite3.Connection) -> None:
    """Those before it count, and the next start tries it again."""
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        upgrade(connection, folder(tmp_path / "broken", SECOND, BROKEN))
    assert version(connection) == 2
    assert connection.execute("SELECT body, language FROM entry").fetchall() == [("olá", "")]
    upgrade(connection, folder(tmp_path / "mended", SECOND, THIRD))
    assert version(connection) == 3


def test_offsets_of_what_somebody_deletes_are_not_given_again(
    connection: sqlite3.Connection,
) -> None:
    """The room knows how far it was, whichever program deletes."""
    connection.execute("DELETE FROM entry")
    assert connection.execute("SELECT top FROM room").fetchall() == [(1,)]
