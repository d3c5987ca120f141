"""What goes without anybody saying anything: what is too old, and what there is no space for."""

import sqlite3

from camrelay.history.sqlite.rows import first_since
from camrelay.history.sqlite.shelves import Shelves

# Rooms that one transaction looks at; other jobs wait that long.
ROOMS_AT_ONCE = 200

_DUE = "SELECT id, seconds FROM room WHERE due_at <= ? ORDER BY due_at LIMIT ?"

_DUE_AGAIN = """
UPDATE room SET due_at = seconds + ifnull(
    (SELECT at FROM entry WHERE room = id ORDER BY offset LIMIT 1), ?
) WHERE id = ?
"""

_SILENT_FOR_LONGEST = """
SELECT id, (SELECT at FROM entry WHERE room = id ORDER BY offset DESC LIMIT 1) AS newest
FROM room WHERE newest NOT NULL ORDER BY newest LIMIT ?
"""

_USED = """
SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""


def drop_old(connection: sqlite3.Connection, shelves: Shelves, now: float) -> bool:
    """Drop entries that are too old, and closed rooms of which nothing is left.

    Gives whether there may be more. Raises sqlite3.Error.
    """
    due = connection.execute(_DUE, (now, ROOMS_AT_ONCE)).fetchall()
    for id, seconds in due:
        first = first_since(connection, id, 0, now - seconds)
        is_left = _drop_before(connection, shelves, id, first)
        if is_left:
            connection.execute(_DUE_AGAIN, (now, id))
    return len(due) == ROOMS_AT_ONCE


def bytes_used(connection: sqlite3.Connection) -> int:
    """What the file holds, without the space in it that is free. Raises sqlite3.Error."""
    return int(connection.execute(_USED).fetchone()[0])


def make_space(connection: sqlite3.Connection, shelves: Shelves, size: int) -> None:
    """Empty the rooms that were silent for longest until the file holds at most `size` bytes.

    Looks at so many rooms, and goes on the next time. Raises sqlite3.Error.
    """
    for id, _ in connection.execute(_SILENT_FOR_LONGEST, (ROOMS_AT_ONCE,)).fetchall():
        if bytes_used(connection) <= size:
            return
        _drop_before(connection, shelves, id, None)


def _drop_before(
    connection: sqlite3.Connection, shelves: Shelves, id: int, first: int | None
) -> bool:
    """Delete the entries of a room before `first`, or all. Gives whether the room is left."""
    room = shelves.by_id().get(id)
    if room is not None:
        first = shelves.find(connection, room).top + 1 if first is None else first
        shelves.drop_before(connection, room, first)
    elif first is not None:
        connection.execute("DELETE FROM entry WHERE room = ? AND offset < ?", (id, first))
    else:
        _forget(connection, id)
    return room is not None or first is not None


def _forget(connection: sqlite3.Connection, id: int) -> None:
    """With the count of a room its epoch ends: no new room may go by the same."""
    connection.execute("DELETE FROM entry WHERE room = ?", (id,))
    connection.execute("DELETE FROM room WHERE id = ?", (id,))
    connection.execute("UPDATE store SET epoch = lower(hex(randomblob(5)))")
