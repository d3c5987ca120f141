"""A server that does nothing but keep what is said, to be killed while it does.

    python appender.py FOLDER RUN

Says lines in three rooms as fast as the history takes them, and prints each one with its place
once it was acknowledged: `PATH EPOCH OFFSET LINE`.
"""

import os
import sys
from functools import partial
from pathlib import Path

from twisted.internet import reactor

from camrelay.core.history import Keep, Position, Said
from camrelay.core.kinds.kind import Message
from camrelay.history.sqlite.database import Database
from camrelay.history.sqlite.history import SqliteHistory
from camrelay.history.sqlite.store import Bounds
from camrelay.net.clock import ReactorClock
from camrelay.ops.journal import LogJournal

ROOMS = ("/ws/chat/a", "/ws/chat/b", "/ws/chat/c")
KEEP = Keep(1_000_000, 1e9)  # the lines are not of today
# A fast machine says more than a room usually holds.
BOUNDS = Bounds(room=1 << 30)
UNDER_WAY = 20


class Nobody:
    """Members whom it makes no difference what they are told."""

    def stored(self, *told: object) -> None:
        """Not of interest."""

    def broken(self, *told: object) -> None:
        """Not of interest."""


class Speaker:
    """Speaks in one room, with so many lines on their way."""

    def __init__(self, history: SqliteHistory, path: str, run: str) -> None:
        """Begin as soon as the room is open."""
        self._history = history
        self._path = path
        self._run = run
        self._number = 0
        history.room_opened(path, KEEP, self._begin)

    def _begin(self, _position: object) -> None:
        for _ in range(UNDER_WAY):
            self._say()

    def _say(self) -> None:
        self._number += 1
        line = f"{self._run}-{self._number}"
        said = Said("node-1", "Anna", 1767225600.0, Message(line.encode()))
        self._history.append(self._path, said, partial(self._acknowledged, line))

    def _acknowledged(self, line: str, answer: object) -> None:
        assert isinstance(answer, Position), answer
        os.write(1, f"{self._path} {answer.epoch} {answer.offset} {line}\n".encode())
        self._say()


def main(folder: str, run: str) -> None:
    """Speak until killed."""
    clock = ReactorClock(reactor)
    database = Database(Path(folder))
    history = SqliteHistory(reactor, clock, LogJournal(clock.now), database, BOUNDS)
    history.serve(Nobody())
    history.startService()
    for path in ROOMS:
        Speaker(history, path, run)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
