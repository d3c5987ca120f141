"""What it costs to keep what is said: messages a second, and how long one waits for its place.

    python benchmarks/history.py                    # a minute
    python benchmarks/history.py --seconds 0.5 --rounds 1
    python benchmarks/history.py --redis redis://localhost    # which ought to be empty

One process and no sockets. In each of a hundred rooms somebody speaks, and says the next line when
the one before was stored; with a window of 1000 ten lines of each room are under way. What is under
way while the file is at work becomes one transaction: the window is the size of the batches. Redis
is another process, whose CPU is not counted.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react

from camrelay.core.history import Keep, Position, Said
from camrelay.core.kinds.kind import Message
from camrelay.history.memory import MemoryHistory
from camrelay.history.sqlite.database import Database
from camrelay.history.sqlite.history import SqliteHistory
from camrelay.net.clock import ReactorClock
from camrelay.ops.journal import LogJournal
from camrelay.redis.history import RedisHistory
from camrelay.redis.link import RedisLink
from camrelay.redis.url import parse

ROOMS = [f"/ws/chat/{number}" for number in range(100)]
KEEP = Keep(1000, 86400.0)
LINE = Message(b'{"message":"a line of about the length that people type"}')
WINDOWS = (1, 10, 100, 1000)


class Audience:
    """Members whom it makes no difference what they are told."""

    def stored(self, *told: object) -> None:
        """Not of interest."""

    def broken(self, *told: object) -> None:
        """Not of interest."""


class Crowd:
    """Says lines, `window` at the same time, for a number of seconds."""

    def __init__(self, history: Any, window: int, seconds: float) -> None:
        """`waits`: seconds between saying a line and its place."""
        self._history = history
        self._until = time.perf_counter() + seconds
        self._under_way = window
        self.waits: list[float] = []
        self.done: Deferred[None] = Deferred()
        for number in range(window):
            reactor.callLater(0, self._say, ROOMS[number % len(ROOMS)])

    def _say(self, path: str) -> None:
        said = Said("node-1", "Anna", time.time(), LINE)
        self._history.append(path, said, partial(self._stored, path, time.perf_counter()))

    def _stored(self, path: str, since: float, answer: object) -> None:
        assert isinstance(answer, Position), answer
        now = time.perf_counter()
        self.waits.append(now - since)
        if now < self._until:
            # In the next turn: a history that answers at once would never come to an end.
            reactor.callLater(0, self._say, path)
            return
        self._under_way -= 1
        if not self._under_way:
            self.done.callback(None)


def in_sqlite(clock: ReactorClock, directory: Path, sync: Any) -> SqliteHistory:
    """A file of its own."""
    return SqliteHistory(reactor, clock, LogJournal(clock.now), Database(directory, sync))


class InRedis(RedisHistory):
    """With a link of its own."""

    def __init__(self, url: str, clock: ReactorClock, _: Path) -> None:
        """Connects when it is started."""
        self.link = RedisLink(reactor, parse(url))
        super().__init__(self.link, clock, LogJournal(clock.now))

    def startService(self) -> None:
        """Connect; a room that is opened meanwhile waits."""
        super().startService()
        self.link.startService()

    def stopService(self) -> Deferred[Any]:
        """Close the link."""
        super().stopService()
        return self.link.stopService()


HISTORIES: dict[str, Callable[[ReactorClock, Path], Any]] = {
    "memory": lambda clock, _: MemoryHistory(clock),
    "sqlite": partial(in_sqlite, sync="normal"),
    "sqlite, sync full": partial(in_sqlite, sync="full"),
}


async def ask(call: Callable[..., None], *arguments: object) -> Any:
    """The answer of a history."""
    answered: Deferred[Any] = Deferred()
    call(*arguments, answered.callback)
    return await answered


async def measure(name: str, directory: Path, seconds: float, rounds: int) -> None:
    """One line for each window, and then what it costs to read."""
    history = HISTORIES[name](ReactorClock(reactor), directory)
    history.serve(Audience())
    if isinstance(history, Service):
        history.startService()
    for path in ROOMS:
        await ask(history.room_opened, path, KEEP)
    for window in WINDOWS:
        said = [await speak(history, window, seconds) for _ in range(rounds)]
        cpu, waits = max(said, key=lambda one: len(one[1]))
        rate = f"{len(waits) / seconds:,.0f}"
        print_row(name, f"{window:,}", rate, f"{cpu / len(waits) * 1e6:.1f}", waits)
    for _ in range(KEEP.messages):
        await ask(history.append, ROOMS[0], Said("node-1", "Anna", time.time(), LINE))
    for limit in (50, KEEP.messages):
        read = [await ask_for(history, limit) for _ in range(rounds)]
        print_row(name, f"read {limit:,}", "", "", min(read, key=statistics.median))
    if isinstance(history, Service):
        await history.stopService()


async def speak(history: Any, window: int, seconds: float) -> tuple[float, list[float]]:
    """Seconds of CPU time, and how long each message waited."""
    cpu = time.process_time()
    crowd = Crowd(history, window, seconds)
    await crowd.done
    return time.process_time() - cpu, crowd.waits


async def ask_for(history: Any, limit: int) -> list[float]:
    """How long each of a hundred readers waited."""
    waits = []
    for _ in range(100):
        since = time.perf_counter()
        page = await ask(history.read, ROOMS[0], None, limit)
        assert len(page.entries) == limit
        waits.append(time.perf_counter() - since)
    return waits


def print_row(*cells: Any) -> None:
    """The last one are seconds that somebody waited."""
    *texts, waits = cells
    cuts = statistics.quantiles(waits, n=100)
    texts += [f"{cuts[49] * 1000:.2f}", f"{cuts[98] * 1000:.2f}"]
    click.echo(f"| {' | '.join(texts)} |")


@click.command()
@click.option("--seconds", default=1.0, show_default=True, help="For each line of the table.")
@click.option("--rounds", default=3, show_default=True, help="Each line is the best of so many.")
@click.option("--directory", type=click.Path(path_type=Path), help="On the disk to be measured.")
@click.option("--redis", metavar="URL", help="Measure this Redis, too.")
def main(seconds: float, rounds: int, directory: Path | None, redis: str | None) -> None:
    """Print a table."""
    if redis is not None:
        HISTORIES["redis"] = partial(InRedis, redis)

    async def measure_all() -> None:
        click.echo("| history | under way | messages/s | CPU µs each | median ms | p99 ms |")
        click.echo("| --- | --- | --- | --- | --- | --- |")
        for name in HISTORIES:
            with tempfile.TemporaryDirectory(dir=directory) as place:
                await measure(name, Path(place), seconds, rounds)

    react(lambda _reactor: ensureDeferred(measure_all()))


if __name__ == "__main__":
    main()
