"""A history in a file, from its start to its end.

async with sqlite_history(directory) as kept:
    await kept.open(LOBBY)
    await kept.say(LOBBY, "one")
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet import reactor

from camrelay.history.sqlite.database import Database
from camrelay.history.sqlite.history import SqliteHistory
from camrelay.history.sqlite.store import Bounds
from camrelay.testing import ManualClock, RecordingJournal
from tests.support.kept import Kept
from tests.support.links import within


class KeptInFile(Kept):
    """Holds a history in a file to its promises; `journal` is what it tells the operator."""

    def __init__(self, database: Database, clock: ManualClock, bounds: Bounds | None) -> None:
        """Not started."""
        self.journal = RecordingJournal()
        self.database = database
        history = SqliteHistory(reactor, clock, self.journal, database, bounds)
        super().__init__(history, clock)
        self.history: Any = history

    async def stop(self) -> None:
        """As the server does when it ends."""
        stopped = self.history.stopService()
        await self.settle()
        await within(stopped)
        assert self.journal.of("failed") == []

    async def pass_time(self, minutes: int) -> None:
        """Minute by minute; what is due in one is done before the next."""
        for _ in range(minutes):
            self.clock.advance(60.0)
            await self.open("/behind/all/the/rest")
            self.close("/behind/all/the/rest")

    def troubles(self) -> list[str]:
        """Why something was not stored."""
        notes: list[Any] = self.journal.of("not_stored")
        return [note.what[1] for note in notes]


@asynccontextmanager
async def sqlite_history(
    place: Path | Database, clock: ManualClock | None = None, bounds: Bounds | None = None
) -> AsyncIterator[KeptInFile]:
    """One run on the file in a folder."""
    database = place if isinstance(place, Database) else Database(place)
    kept = KeptInFile(database, clock or ManualClock(), bounds)
    kept.history.startService()
    try:
        yield kept
    finally:
        await kept.stop()
