"""Entries of a room that come from two sides, in any order and repeatedly, in their own order."""

from collections.abc import Iterable

from camrelay.core.history import Entry

# Bytes of entries that may wait for those before them, and what each counts beside its body.
CAPACITY = 256 << 10
OVERHEAD = 100


class Sequencer:
    """Releases each entry of an epoch once, in the order of the offsets, without a hole.

    An entry that comes before its turn waits. When too many wait, it is not kept: it counts as
    missing until it comes again. `offset` is that of the last entry that was released.
    """

    __slots__ = ("_bytes", "_capacity", "_top", "_waiting", "offset")

    def __init__(self, offset: int, capacity: int = CAPACITY) -> None:
        """What comes next is behind `offset`; at most `capacity` bytes wait."""
        self.offset = offset
        self._top = offset  # the highest that was heard of
        self._capacity = capacity
        self._waiting: dict[int, Entry] = {}
        self._bytes = 0

    @property
    def missing(self) -> range:
        """The first hole: offsets that have to come before anything else is released; or empty."""
        if self._top == self.offset:
            return range(0)
        return range(self.offset + 1, min(self._waiting, default=self._top + 1))

    def take(self, entries: Iterable[Entry]) -> list[Entry]:
        """Some have come; gives those whose turn it is now."""
        due: list[Entry] = []
        for entry in entries:
            if entry.offset == self.offset + 1:
                self._release(entry, due)
                self._release_waiting(due)
            elif entry.offset > self.offset:
                self._let_wait(entry)
        return due

    def skip_to(self, offset: int) -> list[Entry]:
        """Nothing up to `offset` will come any more; gives those whose turn it is now."""
        due: list[Entry] = []
        if offset > self.offset:
            for passed in [each for each in self._waiting if each <= offset]:
                self._take_out(passed)
            self._move_to(offset)
            self._release_waiting(due)
        return due

    def _release(self, entry: Entry, due: list[Entry]) -> None:
        self._move_to(entry.offset)
        due.append(entry)

    def _release_waiting(self, due: list[Entry]) -> None:
        while self.offset + 1 in self._waiting:
            self._release(self._take_out(self.offset + 1), due)

    def _move_to(self, offset: int) -> None:
        self.offset = offset
        self._top = max(self._top, offset)

    def _let_wait(self, entry: Entry) -> None:
        self._top = max(self._top, entry.offset)
        size = _size(entry)
        if entry.offset not in self._waiting and self._bytes + size <= self._capacity:
            self._waiting[entry.offset] = entry
            self._bytes += size

    def _take_out(self, offset: int) -> Entry:
        entry = self._waiting.pop(offset)
        self._bytes -= _size(entry)
        return entry


def _size(entry: Entry) -> int:
    return len(entry.said.message.body) + OVERHEAD
