"""One client process: opens its connections, then runs what it is ordered to."""

import gc
import select
import time
from multiprocessing.connection import Connection as Link

from camrelay.tools.bench.address import tls_context
from camrelay.tools.bench.board import Cells, Row, Tally, rows_of
from camrelay.tools.bench.churn import Churn
from camrelay.tools.bench.crew import Crew
from camrelay.tools.bench.dial import Dialler
from camrelay.tools.bench.frames import Clock
from camrelay.tools.bench.handshake import Connection, Target
from camrelay.tools.bench.orders import Job, Measured, Opened, Order, Outcome, Refused
from camrelay.tools.bench.pacing import Pace, Schedule, Silence, Window
from camrelay.tools.bench.plan import Load
from camrelay.tools.bench.reading import Room

EVENTS_AT_ONCE = 256
"""Few enough to publish between two looks, many enough for the look to cost little."""
SAMPLES_PER_SECOND = 25_000
QUIET = 1_500_000_000
"""Nanoseconds without a delivery, once all have stopped, after which what is missing is lost."""
LOOKS = 100
"""As often at least was looked for one meanwhile: a machine that stood still has lost nothing."""
_TENTH = 100_000_000


def run_client(job: Job, process: int, cells: Cells, link: Link) -> None:
    """Be client process number `process` until the other end of `link` closes it."""
    gc.disable()  # the hot loop makes no circles, and a collection would look like latency
    rows = rows_of(cells, job.plan.rooms_on_board())
    client = Client(job, process, rows)
    try:
        client.serve(link)
    except (EOFError, KeyboardInterrupt):
        pass  # nobody waits for an answer any more
    finally:
        client.close()


class Client:
    """The connections of one process, and the loop that serves them."""

    def __init__(self, job: Job, process: int, rows: list[Row]) -> None:
        """`rows`: the board; the row with number `process` is written here."""
        plan = self._plan = job.plan
        context = tls_context(plan.trust) if job.address.secure else None
        target = Target(job.address, plan.dialect, context)
        self._process = process
        self._rows = rows
        self._row = rows[process]
        self._crew = Crew(plan, process, self._row, Clock(job.origin))
        self._dialler = Dialler(target, self._ready, self._failed)
        self._churn = Churn(plan, target, process, self._row) if plan.topology.churn else None
        self._refusal = ""
        for descriptor in (self._dialler.fileno(), *(self._churn.watched() if self._churn else ())):
            self._crew.epoll.register(descriptor, select.EPOLLIN)

    def serve(self, link: Link) -> None:
        """Open everything when told to, say so, and obey until `link` is closed."""
        link.recv()
        link.send(self._open_all())
        if self._refusal:
            return
        self._crew.epoll.register(link.fileno(), select.EPOLLIN)
        while True:
            while not link.poll():
                now = time.monotonic_ns()
                self._turn(now, now + _TENTH)
            link.send(self._run(link.recv()))

    def close(self) -> None:
        """Close every connection."""
        self._dialler.close()
        if self._churn:
            self._churn.close()
        self._crew.close()

    def _open_all(self) -> Opened | Refused:
        began, cpu = time.monotonic(), time.process_time()
        plan = self._plan
        self._dialler.dial(
            seat for seat in plan.topology.seats() if plan.process_of(seat) == self._process
        )
        while self._dialler.busy() and not self._refusal:
            now = time.monotonic_ns()
            self._turn(now, now + _TENTH)
            self._dialler.work()
            self._dialler.expire()
        if self._refusal:
            return Refused(self._refusal)
        return Opened(time.monotonic() - began, time.process_time() - cpu)

    def _ready(self, connection: Connection, _took: int) -> None:
        self._crew.adopt(connection)
        self._row.tallies[Tally.READY] += 1

    def _failed(self, reason: str) -> None:
        self._refusal = self._refusal or reason

    def _turn(self, now: int, until: int) -> None:
        """Read what there is; if there is nothing, wait for it until `until` at the latest.

        epoll waits in whole milliseconds, select() in microseconds, and an epoll descriptor can be
        selected: an open loop on time needs no spinning.
        """
        epoll = self._crew.epoll
        milliseconds = (until - now) // 1_000_000
        events = epoll.poll(milliseconds / 1000 if milliseconds > 0 else 0, EVENTS_AT_ONCE)
        if not events and milliseconds <= 0:
            seconds = (until - time.monotonic_ns()) / 1e9
            if seconds > 0:
                select.select((epoll,), (), (), seconds)
            events = epoll.poll(0, EVENTS_AT_ONCE)
        self._crew.reader.read(events)

    def _run(self, order: Order) -> Outcome:
        crew = self._crew
        crew.begin()  # others may publish before this process is awake again
        self._until(order.start, Silence())
        pace = self._pace(order.load, order.start)
        if self._churn:
            self._churn.start(order.start)
        self._until(order.begin, pace)
        warmed_up = max(order.begin - order.start, 1) / 1e9
        crew.reader.sample(1 + int(crew.received / warmed_up / SAMPLES_PER_SECOND))
        before = self._usage()
        self._until(order.end, pace)
        after = self._usage()
        crew.reader.sample(0)
        if self._churn:
            self._churn.stop()
        self._drain(order.drain)
        measured = Measured(
            seconds=after[0] - before[0],
            cpu_seconds=after[1] - before[1],
            received=after[2] - before[2],
            sent=after[3] - before[3],
        )
        return crew.outcome(measured, self._expected(), pace)

    def _usage(self) -> tuple[float, float, int, int]:
        """Clock, CPU, deliveries, messages published."""
        return time.monotonic(), time.process_time(), self._crew.received, self._crew.sent

    def _pace(self, load: Load, start: int) -> Pace:
        crew, spread = self._crew, self._plan.spread()
        if load.window:
            return Window(crew.publishing(), load.window, self._deliveries, crew.reader.due, spread)
        if load.rate:
            return Schedule(crew.publishing(), load.rate, start)
        return Silence()

    def _deliveries(self, room: Room) -> tuple[int, int]:
        """What the room's members have received and how many they are, in all processes."""
        if not self._plan.spread():
            return room.received, self._crew.receivers(room.number)
        received = sum(row.received[room.number] for row in self._rows)
        return received, sum(row.receivers[room.number] for row in self._rows)

    def _until(self, moment: int, pace: Pace) -> None:
        """Publish by `pace` and read, until `moment`."""
        crew, due, turn = self._crew, self._crew.reader.due, self._turn
        churn = None if isinstance(pace, Silence) else self._churn
        publish_at = 0
        while (now := time.monotonic_ns()) < moment:
            if due or now >= publish_at:
                publish_at = pace.advance(now)
            wake = min(publish_at, moment)
            if crew.blocked:
                wake = min(wake, crew.flush(now))
            if churn:
                wake = min(wake, churn.advance(now))
            turn(now, wake)
            if now >= crew.post_at:
                crew.post(now)

    def _drain(self, moment: int) -> None:
        """Read until everything has arrived, nothing arrives any more, or `moment` has come."""
        self._crew.post(time.monotonic_ns())
        self._row.tallies[Tally.STOPPED] = 1
        received, since, looks = -1, 0, 0
        while (now := time.monotonic_ns()) < moment:
            if self._crew.received != received or not self._all_stopped():
                received, since, looks = self._crew.received, now, 0
            elif received >= self._expected() or (now - since > QUIET and looks >= LOOKS):
                return
            self._crew.flush(now)
            self._turn(now, now + _TENTH // 10)
            looks += 1
            self._crew.post(now)

    def _all_stopped(self) -> bool:
        return all(row.tallies[Tally.STOPPED] for row in self._rows)

    def _expected(self) -> int:
        """What the members of this process should have received since the run began."""
        crew = self._crew
        if not self._plan.spread():
            return crew.expected({each.room.number: each.sent for each in crew.publishing()})
        rooms = range(self._plan.topology.rooms)
        return crew.expected({room: sum(row.sent[room] for row in self._rows) for room in rooms})
