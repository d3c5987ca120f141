"""What is asked for: connections, load and times, checked; and which process opens what."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from camrelay.core.errors import StartError
from camrelay.tools.bench.dialect import PLAIN, Dialect

ROOM = "{room}"


class Role(Enum):
    """What a connection is there for."""

    SUBSCRIBER = "subscriber"
    PUBLISHER = "publisher"
    SLOW = "slow reader"


class Seat(NamedTuple):
    """One connection that is to be opened."""

    number: int
    room: int
    role: Role


@dataclass(frozen=True, slots=True)
class Topology:
    """Who connects. `publishers` and `subscribers` are per room, the others in all."""

    rooms: int = 1
    publishers: int = 1
    subscribers: int = 100
    echo: str = "all"
    """Which publishers get a message of their room: `all`, `others` (not the sender), `none`."""
    slow: int = 0
    """Connections that never read, spread over the rooms."""
    churn: float = 0.0
    """Extra clients that come, stay for a second and go, per second."""

    def receivers(self) -> int:
        """How many connections get each message."""
        echoed = {"all": self.publishers, "others": self.publishers - 1, "none": 0}
        return self.subscribers + echoed[self.echo]

    def connections(self) -> int:
        """How many connections are open while it runs, the churning ones aside."""
        return self.rooms * (self.publishers + self.subscribers) + self.slow

    def seats(self) -> Iterator[Seat]:
        """Every connection, in the order in which they are opened."""
        roles = [Role.SUBSCRIBER] * self.subscribers + [Role.PUBLISHER] * self.publishers
        number = 0
        for room in range(self.rooms):
            for role in roles:
                yield Seat(number, room, role)
                number += 1
        for index in range(self.slow):
            yield Seat(number + index, index % self.rooms, Role.SLOW)


@dataclass(frozen=True, slots=True)
class Load:
    """How messages are published. Neither rate nor window: only hold the connections."""

    rate: float = 0.0
    """Open loop: messages a second from each publisher, whatever the server does."""
    window: int = 0
    """Closed loop: messages in flight for each publisher; the next waits for a delivery."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each part of a run."""

    settle: float = 0.3
    """Between the last handshake and the first message."""
    warm_up: float = 1.0
    """Published but not measured."""
    duration: float = 5.0
    """Measured."""
    drain: float = 5.0
    """At most, for what is still under way at the end."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Which certificates are accepted: the system's authorities, one more, or anything."""

    authority: Path | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs to know. Check it with `check` before use."""

    url: str
    topology: Topology = field(default_factory=Topology)
    load: Load = field(default_factory=lambda: Load(window=4))
    timing: Timing = field(default_factory=Timing)
    trust: Trust = field(default_factory=Trust)
    dialect: Dialect = PLAIN
    padding: int = 0
    processes: int = 1

    def spread(self) -> bool:
        """Whether one room has its connections in several processes."""
        return self.topology.rooms < self.processes

    def rooms_on_board(self) -> int:
        """How many rooms need counters that all processes see."""
        return self.topology.rooms if self.spread() else 0

    def home(self, room: int) -> int:
        """The process that opens the publishers of `room`."""
        return room % self.processes

    def process_of(self, seat: Seat) -> int:
        """The process that opens `seat`: a room stays together when there are enough rooms."""
        if self.spread() and seat.role is not Role.PUBLISHER:
            return seat.number % self.processes
        return self.home(seat.room)


def room_name(room: int) -> str:
    """The name of the room with this number: always as long, so that all messages are."""
    return f"bench-{room:04d}"


def check(plan: Plan) -> None:
    """Raise StartError if the parts of `plan` do not go together."""
    topology, load = plan.topology, plan.load
    if topology.rooms > 1 and ROOM not in plan.url and not plan.dialect.names_rooms():
        raise StartError("--rooms", topology.rooms, f"needs {ROOM} in the URL, where the name goes")
    if load.rate and load.window:
        raise StartError("--rate", load.rate, "and --window exclude each other: give one of them")
    publishes = bool(load.rate or load.window)
    if publishes and not topology.publishers:
        raise StartError("--publishers", 0, "publish nothing: give one or more, or --idle")
    if publishes and not topology.receivers():
        raise StartError("--subscribers", topology.subscribers, "leaves nobody who gets a message")
    if not topology.connections():
        raise StartError("--subscribers", topology.subscribers, "leaves nothing to connect")
    if plan.processes > topology.connections():
        remedy = f"is more than there are connections: at most {topology.connections()}"
        raise StartError("--processes", plan.processes, remedy)
