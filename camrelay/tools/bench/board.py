"""Counters that the client processes write and everybody reads: one row of 64-bit integers each.

A row is written by one process only, and its integers are aligned, so nothing is locked. What is
read may be a moment old.
"""

import ctypes
from ctypes import Array
from enum import IntEnum
from multiprocessing.sharedctypes import RawArray

from camrelay.tools.bench.histogram import BUCKETS

Cells = Array[ctypes.c_uint64]


class Tally(IntEnum):
    """The single counters of a row."""

    READY = 0
    DROPPED = 1
    RECEIVED = 2
    SENT = 3
    STOPPED = 4
    """1 when this process publishes no more."""
    CHURNED = 5
    """Extra clients that came."""
    REFUSED = 6
    """Extra clients that were not let in, or thrown out."""


class Row:
    """The counters of one process."""

    def __init__(self, cells: memoryview, rooms: int) -> None:
        """`cells`: unsigned 64-bit integers; `rooms`: how many rooms have cells of their own."""
        places = [len(Tally), rooms, rooms, rooms, BUCKETS, BUCKETS]
        parts = []
        for size in places:
            parts.append(cells[:size])
            cells = cells[size:]
        self.tallies, self.received, self.receivers, self.sent, latencies, handshakes = parts
        self.latencies = latencies
        """Histogram of the latency of deliveries, nanoseconds."""
        self.handshakes = handshakes
        """Histogram of the time that a churning client took to get in, nanoseconds."""


def cells_per_row(rooms: int) -> int:
    """How many integers a row needs."""
    return len(Tally) + 3 * rooms + 2 * BUCKETS


def new_cells(rows: int, rooms: int) -> Cells:
    """Zeroes for so many rows, in memory that child processes can be given."""
    return RawArray(ctypes.c_uint64, rows * cells_per_row(rooms))


def rows_of(cells: Cells, rooms: int) -> list[Row]:
    """The rows that `cells` consist of."""
    view = memoryview(cells).cast("B").cast("Q")
    size = cells_per_row(rooms)
    return [Row(view[at : at + size], rooms) for at in range(0, len(view), size)]
