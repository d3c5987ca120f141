"""The store: carries out jobs in the order in which they came, as one transaction.

Everything here happens in the thread of the history. What the file may hold is bounded: so many
entries and so long as the room says, and bytes for a room and for all of them.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from camrelay.core.errors import Rejected
from camrelay.core.history import Page, Position, Said
from camrelay.history.sqlite.database import Database
from camrelay.history.sqlite.jobs import Answer, Append, Close, Job, Open, Opened, Outcome, Read
from camrelay.history.sqlite.rows import Rows, first_since, first_within, read
from camrelay.history.sqlite.shelves import Shelf, Shelves
from camrelay.history.sqlite.sweeping import bytes_used, drop_old, make_space
from camrelay.history.sqlite.words import in_words

# A room may have so many entries more than it keeps, so that not every append has to delete.
SLACK = 64

# The part of the bytes that is left free when they are short.
SPARE = 1 / 8


def not_stored(why: str) -> Rejected:
    """The answer to whoever said or asked something."""
    return Rejected("not-stored", f"the history {why}: try again later", is_garbage=False)


OUT_OF_ORDER = not_stored("is out of order")


class Bounds(NamedTuple):
    """Bytes that the entries of a room, and all that is in the file, may need."""

    room: int = 8 << 20
    total: int = 1 << 30


class Store:
    """The file as the history uses it. Connects when it has to, and again after trouble."""

    def __init__(self, database: Database, bounds: Bounds) -> None:
        """Nothing is opened before the first job."""
        self._database = database
        self._bounds = bounds
        self._connection: sqlite3.Connection | None = None
        self._shelves = Shelves()
        self._rows = Rows()
        self._grown = bounds.total  # bytes written since the size of all was looked at

    def carry_out(self, jobs: Sequence[Job], now: float) -> Outcome:
        """All of them; where the file takes nothing, only what needs no writing.

        `now` is the time in seconds since 1970.
        """
        try:
            return Outcome(self._together(jobs, now))
        except sqlite3.Error as error:
            self._give_up()
            return Outcome([self._alone(job, now) for job in jobs], in_words(error))
        except BaseException:
            self._give_up()
            raise

    def close(self) -> str:
        """Close the file; gives what was the matter, or nothing."""
        try:
            self._database.close(self._open())
        except sqlite3.Error as error:
            return in_words(error)
        finally:
            self._connection = None
            self._database.release()
        return ""

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._database.connect()
        return self._connection

    def _give_up(self) -> None:
        """Whatever was the matter: with the next job, everything is read anew."""
        self._rows = Rows()
        self._shelves.roll_back()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _together(self, jobs: Sequence[Job], now: float) -> list[Answer | Rejected]:
        connection = self._open()
        is_reading = all(isinstance(job, Open | Read | Close) for job in jobs)
        if is_reading:
            return [self._do(connection, job, now) for job in jobs]
        connection.execute("BEGIN IMMEDIATE")
        answers = [self._do(connection, job, now) for job in jobs]
        self._rows.write(connection)
        self._trim(connection)
        self._make_space(connection)
        connection.execute("COMMIT")
        self._shelves.commit()
        return answers

    def _alone(self, job: Job, now: float) -> Answer | Rejected:
        """The answer to a question, although nothing can be written."""
        if isinstance(job, Open | Read | Close):
            try:
                return self._do(self._open(), job, now)
            except sqlite3.Error:
                self._give_up()
        return OUT_OF_ORDER

    def _do(self, connection: sqlite3.Connection, job: Job, now: float) -> Answer | Rejected:
        match job:
            case Append(room, said):
                return self._append(connection, room, said)
            case Open(room):
                shelf = self._shelves.find(connection, room)
                return Position(shelf.epoch, shelf.top)
            case Read():
                self._rows.write(connection)
                return self._read(connection, job, now)
            case Close(room):
                self._rows.write(connection)
                self._trim(connection)
                self._shelves.close(room)
                return None
            case _:
                self._rows.write(connection)
                return drop_old(connection, self._shelves, now)

    def _append(
        self, connection: sqlite3.Connection, room: Opened, said: Said
    ) -> Position | Rejected:
        if room.is_refused:
            return OUT_OF_ORDER
        shelf = self._shelves.change(connection, room)
        if not shelf.id or shelf.seconds != room.keep.seconds:
            _write_down(connection, room, shelf)
        shelf.top += 1
        size = self._rows.add(shelf.id, shelf.top, said)
        shelf.bytes += size
        self._grown += size
        return Position(shelf.epoch, shelf.top)

    def _read(self, connection: sqlite3.Connection, job: Read, now: float) -> Page:
        shelf, keep = self._shelves.find(connection, job.room), job.room.keep
        kept = max(shelf.first, shelf.top - keep.messages + 1)
        first = first_since(connection, shelf.id, kept, now - keep.seconds) or shelf.top + 1
        begin = (shelf.top - job.limit if job.after is None else job.after) + 1
        entries = read(connection, shelf.id, max(first, begin), job.limit)
        return Page(shelf.epoch, first, shelf.top, entries)

    # Bounds

    def _trim(self, connection: sqlite3.Connection) -> None:
        """Drop what this transaction has made too much, oldest first."""
        for room in self._shelves.changed():
            shelf = self._shelves.find(connection, room)
            first = shelf.first
            if shelf.top - first + 1 > room.keep.messages + SLACK:
                first = shelf.top - room.keep.messages + 1
            if shelf.bytes > self._bounds.room:
                left = int(self._bounds.room * (1 - SPARE))
                first = max(first, first_within(connection, shelf.id, left) or shelf.top + 1)
            if first > shelf.first:
                self._shelves.drop_before(connection, room, first)

    def _make_space(self, connection: sqlite3.Connection) -> None:
        """Look at the size of the file once in a while."""
        total = self._bounds.total
        if self._grown > total * SPARE and bytes_used(connection) > total:
            make_space(connection, self._shelves, int(total * (1 - SPARE)))
        self._grown %= int(total * SPARE)


def _write_down(connection: sqlite3.Connection, room: Opened, shelf: Shelf) -> None:
    """Give the room a row, or tell the row that entries are kept for another time now."""
    seconds = shelf.seconds = room.keep.seconds
    if shelf.id:
        connection.execute(
            "UPDATE room SET seconds = ?, due_at = 0 WHERE id = ?", (seconds, shelf.id)
        )
        return
    row = (room.path, shelf.epoch, seconds)
    cursor = connection.execute(
        "INSERT INTO room (path, epoch, seconds, top, due_at) VALUES (?, ?, ?, 0, 0)", row
    )
    assert cursor.lastrowid is not None
    shelf.id = cursor.lastrowid
