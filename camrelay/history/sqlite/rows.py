"""Entries as rows of the file.

The threads of Python take turns, and SQLite gives its turn away with each step of a statement.
While the reactor is busy, the next turn may be milliseconds away: so many rows are one step.
"""

import sqlite3
from functools import cache
from typing import Any

from camrelay.core.history import Entry, Said
from camrelay.core.kinds.kind import Message

# Rows in the longest statement. Its 4,096 values are well below the limit of any SQLite.
MAX_ROWS = 512

# What an entry needs in the file beside its body, about.
ENTRY_OVERHEAD = 100

_COLUMNS = ("room", "offset", "at", "publisher", "user", "key", "is_binary", "body")

_READ = """
SELECT offset, publisher, user, at, CAST(body AS BLOB), key, is_binary FROM entry
WHERE room = ? AND offset >= ? ORDER BY offset LIMIT ?
"""

# The oldest entry from an offset on that is young enough; older ones behind it stay as well.
_FIRST_SINCE = """
SELECT offset FROM entry WHERE room = ? AND offset >= ? AND at >= ? ORDER BY offset LIMIT 1
"""

# The oldest entry that fits, with all that are newer, into a number of bytes.
_FIRST_WITHIN = f"""
SELECT min(offset) FROM (
    SELECT offset, sum(length(CAST(body AS BLOB)) + {ENTRY_OVERHEAD})
        OVER (ORDER BY offset DESC) AS bytes
    FROM entry WHERE room = ?
) WHERE bytes <= ?
"""


class Rows:
    """Entries that wait to be written together."""

    def __init__(self) -> None:
        """None yet."""
        self._values: list[Any] = []

    def add(self, room: int, offset: int, said: Said) -> int:
        """Write an entry with the next `write`; gives the bytes that it needs."""
        body, key, is_binary = said.message
        self._values += (room, offset, said.at, said.publisher, said.user, key, is_binary, body)
        return len(body) + ENTRY_OVERHEAD

    def write(self, connection: sqlite3.Connection) -> None:
        """Write all, in as few statements as there can be. Raises sqlite3.Error."""
        values, self._values = self._values, []
        width, written, size = len(_COLUMNS), 0, MAX_ROWS
        while remaining := len(values) // width - written:
            while size > remaining:
                size //= 2
            some = values[written * width : (written + size) * width]
            connection.execute(_insert(size), some)
            written += size


@cache
def _insert(size: int) -> str:
    """A statement for a power of two, so that there are few of them to be kept ready."""
    width = len(_COLUMNS)
    rows = ", ".join(_placeholders(number * width) for number in range(size))
    return f"INSERT INTO entry ({', '.join(_COLUMNS)}) VALUES {rows}"


def _placeholders(start: int) -> str:
    """Those of one row; text is stored as such, for people who look into the file."""
    *plain, is_binary, body = (f"?{start + number}" for number in range(1, len(_COLUMNS) + 1))
    typed = f"CASE WHEN {is_binary} THEN {body} ELSE CAST({body} AS TEXT) END"
    return f"({', '.join((*plain, is_binary, typed))})"


def read(connection: sqlite3.Connection, room: int, first: int, limit: int) -> tuple[Entry, ...]:
    """At most `limit` entries of a room from the offset `first` on. Raises sqlite3.Error."""
    rows = connection.execute(_READ, (room, first, limit)).fetchall()
    return tuple(
        Entry(offset, Said(publisher, user, at, Message(body, key, bool(is_binary))))
        for offset, publisher, user, at, body, key, is_binary in rows
    )


def first_since(connection: sqlite3.Connection, room: int, first: int, at: float) -> int | None:
    """The offset of the oldest entry from `first` on that was said at `at` or later."""
    row = connection.execute(_FIRST_SINCE, (room, first, at)).fetchone()
    return row[0] if row else None


def first_within(connection: sqlite3.Connection, room: int, size: int) -> int | None:
    """The offset from which on the entries of a room need at most `size` bytes."""
    (first,) = connection.execute(_FIRST_WITHIN, (room, size)).fetchone()
    return int(first) if first is not None else None
