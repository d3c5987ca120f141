"""The history of a single node, in a file: it survives a restart.

    history = SqliteHistory(reactor, clock, journal, Database(Path("/var/lib/camrelay")))
    history.startService()

Jobs are carried out in order, in a thread of their own. Everything that is asked in a turn of the
reactor, or while the file is at work, becomes one transaction, and is answered when it is over.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from camrelay.core.errors import Rejected
from camrelay.core.history import Entry, Keep, Page, Position, Said
from camrelay.history.sqlite.database import Database
from camrelay.history.sqlite.jobs import (
    Append,
    Close,
    Job,
    Open,
    Opened,
    Outcome,
    Read,
    Sweep,
)
from camrelay.history.sqlite.store import Bounds, Store, not_stored
from camrelay.ports import Answer, Clock, HistoryJournal, Remembering, Timer

# Seconds between looks for what is too old.
SWEEP_SECONDS = 60.0

# What may wait for the file. More than that is refused at once.
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 8 << 20


class _Asked(NamedTuple):
    job: Job
    done: Callable[[Any], None]
    size: int


class _Thread(ThreadPool):
    """One thread, which does not keep the process from ending while a disk hangs."""

    threadFactory = staticmethod(partial(threading.Thread, daemon=True))  # type: ignore[assignment]

    def __init__(self) -> None:
        """Not started."""
        super().__init__(minthreads=1, maxthreads=1, name="camrelay-history")


class SqliteHistory(Service):
    """Implements `camrelay.ports.History` for one process, and survives its end.

    An acknowledged message is in the file and survives any end of the process. What survives a
    power failure depends on the `sync` of the Database.
    """

    def __init__(
        self,
        reactor: Any,
        clock: Clock,
        journal: HistoryJournal,
        database: Database,
        bounds: Bounds | None = None,
    ) -> None:
        """Nothing is carried out before startService."""
        self._reactor = reactor
        self._clock = clock
        self._journal = journal
        self._store = Store(database, bounds or Bounds())
        self._thread = _Thread()
        self._relay: Remembering
        self._rooms: dict[str, Opened] = {}
        self._asked: list[_Asked] = []
        self._waiting = 0
        self._waiting_bytes = 0
        self._is_busy = False
        self._is_closed = False
        self._when_idle: Deferred[None] | None = None
        self._is_in_trouble = False
        self._timer: Timer | None = None

    def serve(self, relay: Remembering) -> None:
        """Tell `relay` what was stored."""
        self._relay = relay

    def startService(self) -> None:
        """Begin."""
        super().startService()
        self._thread.start()
        self._timer = self._clock.later(SWEEP_SECONDS, self._sweep)

    def stopService(self) -> Deferred[Any]:
        """Carry out what was asked, close the file; nothing is taken meanwhile."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
        self._is_closed = True
        idle: Deferred[Any] = Deferred()
        if self._is_busy:
            self._when_idle = idle
        else:
            idle.callback(None)
        idle.addCallback(lambda _: self._in_thread(self._store.close))
        return idle.addBoth(self._stopped)

    # What the relay asks

    def room_opened(self, path: str, keep: Keep, done: Answer[Position]) -> None:
        """Also what was said in earlier runs is there, as far as `keep` goes."""
        room = self._rooms[path] = Opened(path, keep)
        self._ask(Open(room), partial(self._opened, room, done))

    def room_closed(self, path: str) -> None:
        """What was asked before is still answered."""
        room = self._rooms.pop(path)
        room.is_heard = False
        self._ask(Close(room), _ignore)

    def append(self, path: str, said: Said, done: Answer[Position]) -> None:
        """Store `said`, with everything else that is said meanwhile."""
        self._ask(Append(self._rooms[path], said), done, len(said.message.body))

    def read(self, path: str, after: int | None, limit: int, done: Answer[Page]) -> None:
        """Answer behind everything that was appended before."""
        self._ask(Read(self._rooms[path], after, limit), done)

    # One transaction after another

    def _ask(self, job: Job, done: Callable[[Any], None], size: int = 0) -> None:
        is_full = self._waiting >= MAX_WAITING or self._waiting_bytes + size > MAX_WAITING_BYTES
        if self._is_closed:
            done(not_stored("is closed"))
        elif is_full and not isinstance(job, Close):
            self._is_in_trouble = True
            self._journal.not_stored(1, "the disk is too slow")
            done(not_stored("is too slow"))
        else:
            self._waiting += 1
            self._waiting_bytes += size
            self._asked.append(_Asked(job, done, size))
            if not self._is_busy:
                self._is_busy = True
                self._clock.at_turn_end(self._carry_out)

    def _carry_out(self) -> None:
        asked, self._asked = self._asked, []
        jobs = [each.job for each in asked]
        outcome = self._in_thread(self._store.carry_out, jobs, self._clock.unix())
        outcome.addErrback(self._failed, len(asked))
        outcome.addCallback(self._answer, asked)

    def _in_thread(self, call: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        answer: Deferred[Any] = deferToThreadPool(self._reactor, self._thread, call, *arguments)
        return answer

    def _answer(self, outcome: Outcome, asked: Sequence[_Asked]) -> None:
        """Tell what was stored, and answer, in the order in which it was asked."""
        answered = zip(asked, outcome.answers, strict=True)
        for is_append, some in groupby(answered, lambda pair: isinstance(pair[0].job, Append)):
            pairs = list(some)
            if is_append:
                self._tell(pairs)
            for each, answer in pairs:
                self._waiting -= 1
                self._waiting_bytes -= each.size
                self._safely(each.done, answer)
        self._note(outcome, asked)
        self._go_on()

    def _go_on(self) -> None:
        if self._asked:
            self._carry_out()
            return
        self._is_busy = False
        if self._when_idle is not None:
            self._when_idle.callback(None)

    def _tell(self, pairs: Iterable[tuple[_Asked, Any]]) -> None:
        """Tell the relay of entries in rooms that it still listens to, one call for each."""
        stored: defaultdict[Opened, list[Entry]] = defaultdict(list)
        epochs = {}
        for each, answer in pairs:
            job = each.job
            if isinstance(job, Append) and isinstance(answer, Position) and job.room.is_heard:
                stored[job.room].append(Entry(answer.offset, job.said))
                epochs[job.room] = answer.epoch
        for room, entries in stored.items():
            self._safely(self._relay.stored, room.path, epochs[room], entries)

    def _opened(self, room: Opened, done: Answer[Position], answer: Position | Rejected) -> None:
        room.is_refused = isinstance(answer, Rejected)
        room.is_heard = not room.is_refused and self._rooms.get(room.path) is room
        done(answer)

    def _safely(self, call: Callable[..., None], *arguments: object) -> None:
        """Log an exception of a callback: the others must still get their answers."""
        try:
            call(*arguments)
        except Exception:
            self._journal.failed("history")

    # Trouble

    def _note(self, outcome: Outcome, asked: Sequence[_Asked]) -> None:
        """Tell the journal when the file takes nothing, and when it takes something again.

        What can only be read answers questions all the same.
        """
        lost = sum(isinstance(answer, Rejected) for answer in outcome.answers)
        if outcome.trouble:
            self._is_in_trouble = True
            self._journal.not_stored(lost, outcome.trouble)
        elif self._is_in_trouble and self._has_room and _has_stored(outcome, asked):
            self._is_in_trouble = False
            self._journal.stores_again()

    @property
    def _has_room(self) -> bool:
        """What waits has become so little that it is not refused again in the next moment."""
        return self._waiting <= MAX_WAITING / 2 and self._waiting_bytes <= MAX_WAITING_BYTES / 2

    def _failed(self, failure: Failure, count: int) -> Outcome:
        """A bug of ours."""
        try:
            failure.raiseException()
        except Exception:
            self._journal.failed("history")
        return Outcome([not_stored("is out of order")] * count, "an error in the server")

    def _stopped(self, result: Any) -> None:
        if result:
            self._journal.not_stored(0, str(result))
        self._thread.stop()

    def _sweep(self) -> None:
        self._timer = None
        self._ask(Sweep(), self._swept)

    def _swept(self, is_more: bool | Rejected) -> None:
        """Go on at once, behind what was asked meanwhile, or later."""
        if self._is_closed:
            return
        if is_more is True:
            self._sweep()
        else:
            self._timer = self._clock.later(SWEEP_SECONDS, self._sweep)


def _has_stored(outcome: Outcome, asked: Sequence[_Asked]) -> bool:
    return any(
        isinstance(each.job, Append) and isinstance(answer, Position)
        for each, answer in zip(asked, outcome.answers, strict=True)
    )


def _ignore(_answer: object) -> None:
    """Nobody waits for it."""
