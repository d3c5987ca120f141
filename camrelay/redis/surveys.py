"""Which rooms other nodes have open: one question to all of them, for everybody who wants to know.

Nobody keeps a list of all rooms: it would change all the time, and hardly anybody reads it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from heapq import nlargest
from math import inf

from camrelay.core.presence import Census
from camrelay.ports import Clock, Timer
from camrelay.redis.envelope import ROOMS_AT_ONCE, Rooms
from camrelay.redis.nodes import Nodes

# Seconds that nodes have to answer.
PATIENCE = 0.5
# Seconds for which answers are good: nodes are asked once in this time, however many want to know.
FRESH = 1.0
# Rooms that a node tells of: nothing else has to wait for long behind so many.
MOST_ROOMS = 5000

Part = tuple[Mapping[str, int], bool, int]


class Surveys:
    """One survey at a time."""

    def __init__(self, nodes: Nodes, clock: Clock, ask: Callable[[], int]) -> None:
        """`nodes` are the others; `ask()` asks them, and gives the number of the question."""
        self._nodes = nodes
        self._clock = clock
        self._ask = ask
        self._waiting: list[Callable[[Census], None]] = []
        self._newest = Census({})
        self._asked_at = -inf
        self._number = 0
        self._awaited: set[str] = set()
        self._members: Counter[str] = Counter()
        self._left_out = 0
        self._timer: Timer | None = None

    def join(self, done: Callable[[Census], None]) -> None:
        """Call `done` with what there is, now or in PATIENCE seconds at the latest."""
        if self._waiting:
            self._waiting.append(done)
        elif self._clock.now() - self._asked_at < FRESH:
            done(self._newest)
        else:
            self._waiting.append(done)
            self._begin()

    def _begin(self) -> None:
        self._asked_at = self._clock.now()
        self._awaited = set(self._nodes)
        self._members, self._left_out = Counter(), 0
        if self._awaited:
            self._timer = self._clock.later(PATIENCE, self._end)
            self._number = self._ask()
        else:
            self._end()

    def hear(self, answer: Rooms) -> None:
        """A part of what one node has; what comes too late is passed over."""
        if not self._waiting or answer.survey != self._number:
            return
        self._members.update(answer.members)
        if answer.is_last:
            self._left_out += answer.left_out
            self._awaited.discard(answer.node)
        if not self._awaited:
            self.finish()

    def finish(self) -> None:
        """Wait no longer."""
        if self._waiting:
            if self._timer is not None:
                self._timer.cancel()
            self._end()

    def _end(self) -> None:
        self._timer = None
        self._newest = Census(self._members, self._missing())
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(self._newest)

    def _missing(self) -> str:
        silent = sum(node in self._nodes for node in self._awaited)
        if silent:
            return f"{silent} of {len(self._nodes)} other servers did not answer in time"
        if self._left_out:
            return f"{self._left_out} small rooms of servers with more than {MOST_ROOMS}"
        return ""


def told(members: Mapping[str, int]) -> Iterator[Part]:
    """The rooms of `members` in parts; of too many, those with the most members.

    Each part has rooms, whether it is the last, and how many are left out.
    """
    rooms = list(members.items())
    left_out = len(rooms) - MOST_ROOMS
    if left_out > 0:
        rooms = nlargest(MOST_ROOMS, rooms, key=lambda room: room[1])
    for start in range(0, max(len(rooms), 1), ROOMS_AT_ONCE):
        end = start + ROOMS_AT_ONCE
        yield dict(rooms[start:end]), end >= len(rooms), max(left_out, 0)
