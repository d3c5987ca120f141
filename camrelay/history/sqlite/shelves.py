"""The rooms that are open, as the file has them, so that an append has not to ask it."""

import sqlite3
from dataclasses import dataclass, replace

from camrelay.history.sqlite.jobs import Opened
from camrelay.history.sqlite.rows import ENTRY_OVERHEAD

_BYTES = f"SELECT total(length(CAST(body AS BLOB)) + {ENTRY_OVERHEAD}) FROM entry WHERE room = ?"

_LOAD = """
SELECT id, epoch, seconds, top,
    (SELECT min(offset) FROM entry WHERE room = id),
    (SELECT max(offset) FROM entry WHERE room = id)
FROM room WHERE path = ?
"""


@dataclass(slots=True)
class Shelf:
    """One room: entries from `first` to `top` are in the file, and need `bytes`.

    `id` is 0 as long as nothing was ever said. `seconds`: how long the file says to keep entries.
    """

    epoch: str
    id: int = 0
    seconds: float = 0.0
    first: int = 1
    top: int = 0
    bytes: int = 0


class Shelves:
    """A shelf for each open room. What a transaction changes can be taken back."""

    def __init__(self) -> None:
        """No room is open."""
        self._shelves: dict[Opened, Shelf] = {}
        self._before: dict[Opened, Shelf] = {}

    def find(self, connection: sqlite3.Connection, room: Opened) -> Shelf:
        """The shelf of a room, to look at. Raises sqlite3.Error."""
        shelf = self._shelves.get(room)
        if shelf is None:
            shelf = self._shelves[room] = load(connection, room.path)
        return shelf

    def change(self, connection: sqlite3.Connection, room: Opened) -> Shelf:
        """The shelf of a room, to be changed by this transaction. Raises sqlite3.Error."""
        shelf = self.find(connection, room)
        if room not in self._before:
            self._before[room] = replace(shelf)
        return shelf

    def changed(self) -> list[Opened]:
        """The rooms that this transaction has changed."""
        return list(self._before)

    def drop_before(self, connection: sqlite3.Connection, room: Opened, first: int) -> None:
        """Delete the entries of a room before the offset `first`. Raises sqlite3.Error."""
        shelf = self.change(connection, room)
        where = (shelf.id, first)
        (size,) = connection.execute(f"{_BYTES} AND offset < ?", where).fetchone()
        connection.execute("DELETE FROM entry WHERE room = ? AND offset < ?", where)
        shelf.bytes -= int(size)
        shelf.first = first

    def commit(self) -> None:
        """The file has the changes."""
        self._before.clear()

    def roll_back(self) -> None:
        """The file does not have the changes."""
        self._shelves.update(self._before)
        self._before.clear()

    def close(self, room: Opened) -> None:
        """The room is not open any more."""
        self._shelves.pop(room, None)
        self._before.pop(room, None)

    def by_id(self) -> dict[int, Opened]:
        """The open rooms, by their ids in the file."""
        return {shelf.id: room for room, shelf in self._shelves.items() if shelf.id}


def load(connection: sqlite3.Connection, path: str) -> Shelf:
    """What the file knows of a room. Raises sqlite3.Error."""
    row = connection.execute(_LOAD, (path,)).fetchone()
    if row is None:
        (epoch,) = connection.execute("SELECT epoch FROM store").fetchone()
        return Shelf(epoch)
    id, epoch, seconds, gone, first, top = row
    top = max(gone, top or 0)
    (size,) = connection.execute(_BYTES, (id,)).fetchone()
    return Shelf(epoch, id, seconds, first or top + 1, top, int(size))
