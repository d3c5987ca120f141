"""The client processes: started, ordered about, and stopped together."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Link
from types import TracebackType
from typing import Self

from camrelay.core.errors import StartError
from camrelay.tools.bench.address import locate, tls_context
from camrelay.tools.bench.board import Row, Tally, new_cells, rows_of
from camrelay.tools.bench.client import run_client
from camrelay.tools.bench.histogram import Histogram, merged
from camrelay.tools.bench.orders import Job, Opened, Order, Outcome, Refused
from camrelay.tools.bench.plan import Plan, check

Tick = Callable[[], None]
"""Called about ten times a second while there is nothing to do but wait."""
_SPARE_FILES = 250
_GRACE = 10.0
"""Seconds that a process may take longer than ordered before it counts as gone."""
_TENTH = 0.1


class BenchError(Exception):
    """There is nothing to measure; the text says why and what to do, in one line."""


class Fleet:
    """As many client processes as the plan says. Use it in a `with` block."""

    def __init__(self, plan: Plan) -> None:
        """Check `plan` and look the server up. Raises StartError."""
        check(plan)
        allow_files(plan)
        address = locate(plan.url)
        if address.secure:
            tls_context(plan.trust)
        self.plan = plan
        self._job = Job(plan, address, time.monotonic_ns())
        rooms = plan.rooms_on_board()
        self._cells = new_cells(plan.processes, rooms)
        self.rows: list[Row] = rows_of(self._cells, rooms)
        self._links: list[Link] = []
        self._processes: list[multiprocessing.process.BaseProcess] = []

    def __enter__(self) -> Self:
        """Start the processes; they open no connection yet that anybody would wait for."""
        context = multiprocessing.get_context("spawn")
        for number in range(self.plan.processes):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=run_client, args=(self._job, number, self._cells, theirs), daemon=True
            )
            process.start()
            theirs.close()
            self._links.append(ours)
            self._processes.append(process)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the processes: politely, then not."""
        for link in self._links:
            link.close()
        for process in self._processes:
            process.join(_GRACE)
            if process.is_alive():
                process.kill()
                process.join()

    def open_connections(self, tick: Tick) -> list[Opened]:
        """Open all connections; what it took. Raises BenchError if one is refused."""
        for link in self._links:
            link.send(None)
        replies = self._replies(tick, None)
        refused = [reply.reason for reply in replies if isinstance(reply, Refused)]
        if refused:
            ready = self.tally(Tally.READY)
            count = self.plan.topology.connections()
            raise BenchError(
                f"connection {ready + 1} of {count} was refused: {_with_remedy(refused[0])}"
            )
        return [reply for reply in replies if isinstance(reply, Opened)]

    def start(self, order: Order) -> None:
        """Have every process carry out `order`."""
        for link in self._links:
            link.send(order)

    def collect(self, order: Order, tick: Tick) -> list[Outcome]:
        """What each process saw. Raises BenchError if one is gone."""
        replies = self._replies(tick, order.drain / 1e9 + _GRACE)
        return [reply for reply in replies if isinstance(reply, Outcome)]

    def tally(self, tally: Tally) -> int:
        """One counter, summed over the processes."""
        return sum(row.tallies[tally] for row in self.rows)

    def latencies(self) -> Histogram:
        """A copy of what all processes have sampled so far."""
        return merged(row.latencies for row in self.rows)

    def handshakes(self) -> Histogram:
        """A copy of how long the churning clients took to get in."""
        return merged(row.handshakes for row in self.rows)

    def _replies(self, tick: Tick, deadline: float | None) -> list[object]:
        """One message from each process. Raises BenchError if one ends or takes too long."""
        replies: list[object] = []
        for number, link in enumerate(self._links):
            while not link.poll(_TENTH):
                tick()
                if deadline is not None and time.monotonic() > deadline:
                    raise BenchError(f"client process {number} does not answer: is the CPU free?")
            try:
                replies.append(link.recv())
            except EOFError:
                raise BenchError(f"client process {number} ended; its reason is above") from None
        return replies


def allow_files(plan: Plan) -> None:
    """Let every process open enough files. Raises StartError if the system does not allow it."""
    needed = -(-plan.topology.connections() // plan.processes) + _SPARE_FILES
    needed += int(plan.topology.churn * 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        remedy = f"need {needed} open files, {hard} are allowed: `ulimit -n`, or more --processes"
        raise StartError("connections", plan.topology.connections(), remedy)
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _with_remedy(reason: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return f"{reason}: name the authority to trust with --authority, or use --insecure"
    return reason
