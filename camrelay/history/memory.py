"""The history of a single node, in memory: it is lost when the process ends."""

import secrets
from collections import deque
from itertools import islice

from camrelay.core.history import Entry, Keep, Page, Position, Said
from camrelay.ports import Answer, Clock, Remembering

ROOM_BYTES = 1 << 20
TOTAL_BYTES = 64 << 20

# What CPython needs for an empty room and for an entry, beside the texts in it.
ROOM_OVERHEAD = 1000
ENTRY_OVERHEAD = 500


class _Room:
    """The entries of a room, and how many it has had."""

    __slots__ = ("bytes", "entries", "epoch", "is_open", "keep", "top")

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.entries: deque[Entry] = deque()
        self.top = 0
        self.bytes = 0
        self.keep = Keep(0, 0.0)
        self.is_open = False

    def page(self, after: int | None, limit: int) -> Page:
        first = self.top + 1 - len(self.entries)
        begin = self.top - limit if after is None else after
        skipped = min(max(begin + 1 - first, 0), len(self.entries))
        entries = tuple(islice(self.entries, skipped, skipped + limit))
        return Page(self.epoch, first, self.top, entries)


class MemoryHistory:
    """Implements `camrelay.ports.History` within one process, and answers at once.

    A room is kept after it has closed, until its entries are too old. Where bytes are short, a room
    loses its oldest entries, and the room that nobody has touched for longest loses all.
    """

    def __init__(
        self, clock: Clock, room_bytes: int = ROOM_BYTES, total_bytes: int = TOTAL_BYTES
    ) -> None:
        """`room_bytes` and `total_bytes` bound what is kept; about, as Python counts bytes."""
        self._clock = clock
        self._room_bytes = room_bytes
        self._total_bytes = total_bytes
        self._bytes = 0
        self._relay: Remembering
        self._rooms: dict[str, _Room] = {}  # who was not touched for longest comes first
        self._epoch = _new_epoch()

    def serve(self, relay: Remembering) -> None:
        """Tell `relay` what was stored."""
        self._relay = relay

    def room_opened(self, path: str, keep: Keep, done: Answer[Position]) -> None:
        """Entries that were kept before stay, as far as `keep` goes."""
        self._forget_old_rooms()
        room = self._rooms.pop(path, None) or _Room(self._epoch)
        self._rooms[path] = room
        room.is_open, room.keep = True, keep
        self._trim(room, self._clock.unix())
        done(Position(room.epoch, room.top))

    def room_closed(self, path: str) -> None:
        """What is stored stays for its time."""
        room = self._rooms[path]
        room.is_open = False
        if not room.entries:
            self._forget(path)

    def append(self, path: str, said: Said, done: Answer[Position]) -> None:
        """Store `said`, tell it, and answer."""
        room = self._rooms.pop(path)
        self._rooms[path] = room
        room.top += 1
        entry = Entry(room.top, said)
        self._count(room, _bytes(entry) if room.entries else _bytes(entry) + ROOM_OVERHEAD)
        room.entries.append(entry)
        self._trim(room, said.at)
        while self._bytes > self._total_bytes:
            self._empty(next(iter(self._rooms)))
        self._relay.stored(path, room.epoch, (entry,))
        done(Position(room.epoch, entry.offset))

    def read(self, path: str, after: int | None, limit: int, done: Answer[Page]) -> None:
        """Answer with what is kept."""
        room = self._rooms[path]
        self._trim(room, self._clock.unix())
        done(room.page(after, limit))

    # Bounds

    def _trim(self, room: _Room, now: float) -> None:
        """Drop what is too many, too old or too big, oldest first."""
        entries, keep = room.entries, room.keep
        while entries and (
            len(entries) > keep.messages
            or room.bytes > self._room_bytes
            or entries[0].said.at < now - keep.seconds
        ):
            entry = entries.popleft()
            self._count(room, -_bytes(entry) if entries else -room.bytes)

    def _empty(self, path: str) -> None:
        """Drop all entries of a room; while it is open it stays, and counts on."""
        room = self._rooms.pop(path)
        self._rooms[path] = room
        room.entries.clear()
        self._count(room, -room.bytes)
        if not room.is_open:
            self._forget(path)

    def _forget_old_rooms(self) -> None:
        """Drop closed rooms that have nothing left; only those at the front, which cost least."""
        now = self._clock.unix()
        for path, room in list(islice(self._rooms.items(), 2)):
            if not room.is_open:
                self._trim(room, now)
                if not room.entries:
                    self._forget(path)

    def _forget(self, path: str) -> None:
        """With the count of a room its epoch ends, and no new room may go by the same."""
        if self._rooms.pop(path).top:
            self._epoch = _new_epoch()

    def _count(self, room: _Room, size: int) -> None:
        room.bytes += size
        self._bytes += size


def _bytes(entry: Entry) -> int:
    """About what an entry needs."""
    return len(entry.said.message.body) + len(entry.said.message.key) + ENTRY_OVERHEAD


def _new_epoch() -> str:
    return secrets.token_hex(5)
