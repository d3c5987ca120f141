"""People who chat on while servers are killed under them, and a book of what they were told.

    with Survivors(rooms=3, speakers=2) as survivors:
        survivors.may_use(server)
        survivors.kill(server, seconds=0.3)
        survivors.may_use(another)
        account = survivors.end()

Each one speaks camrelay.v1 and says its next line when one before it is acknowledged. Whoever loses
the connection goes to a server that is there, and goes on behind what was heard last.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from tests.support.frames import TEXT, frame
from tests.support.server import Server
from tests.support.wire import Wire

V1 = "Sec-WebSocket-Protocol: camrelay.v1"
SECONDS_TO_WAIT = 30.0
SECONDS_BETWEEN_LOOKS = 0.01
LINES_AT_ONCE = 2  # who comes back late has missed no more than a server will say again
LAST_WORDS = "that was all"

# What nobody says so much of that it would be refused, or forgotten before it is looked for.
OPTIONS = ("--message-rate", "0")
ROUTES = """
[[routes]]
path = "/ws/chat/{room}"
kind = "chat"
history = 100000
"""

Line = tuple[int, str]


class Account(NamedTuple):
    """What came of it.

    `lost`: acknowledged, and not in its place afterwards. `holes`: places that somebody was not
    told of although others behind them were; `doubled` and `wrong`: told twice, or otherwise than
    it is stored. `not_resumed`: times that somebody came back and could not go on.
    """

    said: int
    acknowledged: int
    stored: int
    resumed: int
    not_resumed: int
    lost: int
    holes: int
    doubled: int
    wrong: int

    @property
    def is_whole(self) -> bool:
        """Nothing went wrong."""
        return not any((self.not_resumed, self.lost, self.holes, self.doubled, self.wrong))


class Homes:
    """The servers that are there now."""

    def __init__(self) -> None:
        """None."""
        self._changed = threading.Condition()
        self._servers: tuple[Server, ...] = ()
        self._is_over = False

    def open(self, server: Server) -> None:
        """From now on people may come to `server`."""
        with self._changed:
            self._servers += (server,)
            self._changed.notify_all()

    def close(self, server: Server) -> None:
        """Nobody should go to `server` any more."""
        with self._changed:
            self._servers = tuple(each for each in self._servers if each is not server)

    def end(self) -> None:
        """Nobody has to look for a server any more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def find(self, number: int) -> Server | None:
        """A server for the person with this number, once there is one; None when all is over."""
        with self._changed:
            wait = self._changed.wait_for
            assert wait(lambda: self._servers or self._is_over, SECONDS_TO_WAIT), "no server left"
            return None if self._is_over else self._servers[number % len(self._servers)]


@dataclass
class Survivor:
    """Somebody in a room: what was said, what was answered, and what was told, in order."""

    room: str
    number: int
    epoch: str = ""
    said: int = 0
    resumed: int = 0
    not_resumed: int = 0
    heard: list[Line] = field(default_factory=list)
    acknowledged: list[Line] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The room, and where to go on in it."""
        here = f"&offset={self.heard[-1][0]}" if self.heard else "&offset=0"
        return f"{self.room}?epoch={self.epoch}{here}" if self.epoch else self.room

    def live(self, homes: Homes) -> None:
        """Speak and listen, wherever that is possible, until the last words."""
        while (server := homes.find(self.number)) is not None:
            try:
                wire = Wire(server.port, timeout=SECONDS_TO_WAIT)
            except ConnectionRefusedError:
                time.sleep(SECONDS_BETWEEN_LOOKS)  # it was killed in this moment
                continue
            with wire:
                if self._visit(wire):
                    return

    def _visit(self, wire: Wire) -> bool:
        """Whether the last words were heard before the connection was lost."""
        try:
            wire.upgrade(self.path, V1)
        except AssertionError:
            return _is_lost(wire)
        while (document := _next(wire)) is not None:
            if self._take(wire, document):
                return True
        return False

    def _take(self, wire: Wire, document: dict[str, Any]) -> bool:
        match document["type"]:
            case "welcome":
                self._enter(document)
                self._say(wire, LINES_AT_ONCE)
            case "message":
                self.heard.append((document["offset"], document["data"]["message"]))
                return self.heard[-1][1] == LAST_WORDS
            case "ack":
                self.acknowledged.append((document["offset"], document["id"]))
                self._say(wire, 1)
            case kind:
                assert kind in ("join", "leave", "count"), document
        return False

    def _enter(self, welcome: dict[str, Any]) -> None:
        if self.epoch:
            self.resumed += welcome["recovered"]
            self.not_resumed += not welcome["recovered"] or welcome["epoch"] != self.epoch
        self.epoch = welcome["epoch"]

    def _say(self, wire: Wire, count: int) -> None:
        for _ in range(count):
            self.said += 1
            text = f"{self.number} {self.said}"
            document = {"type": "publish", "data": {"message": text}, "id": text}
            wire.send(frame(TEXT, json.dumps(document).encode()))


def _next(wire: Wire) -> Any:
    """What comes next, None when the connection is gone."""
    try:
        return json.loads(wire.read_message().payload)
    except (AssertionError, OSError):
        return _is_lost(wire) or None


def _is_lost(wire: Wire) -> bool:
    """False, after making sure that it was the server that went away."""
    assert wire.end is not None or wire.is_hung_up_on(SECONDS_TO_WAIT)
    return False


class Survivors:
    """Everybody, and the servers that they may use."""

    def __init__(self, rooms: int, speakers: int) -> None:
        """So many `speakers` in each of so many `rooms`."""
        self._homes = Homes()
        self._servers: list[Server] = []
        self._threads = ThreadPoolExecutor(rooms * speakers)
        self._lives: list[Future[None]] = []
        self.rooms = [f"/ws/chat/room{number}" for number in range(rooms)]
        self.people = [
            Survivor(room, number * rooms + at)
            for at, room in enumerate(self.rooms)
            for number in range(speakers)
        ]

    def __enter__(self) -> Self:
        """They live from now on."""
        self._lives = [self._threads.submit(each.live, self._homes) for each in self.people]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """All servers are gone, and nobody looks for another one."""
        self._homes.end()
        for server in self._servers:
            server.kill()
        self._threads.shutdown()

    def may_use(self, server: Server) -> None:
        """They may come to `server`."""
        self._servers.append(server)
        self._homes.open(server)

    def wait_for_all(self) -> None:
        """Until everybody was acknowledged something more."""
        before = [len(each.acknowledged) for each in self.people]
        self._until(
            lambda: all(
                len(each.acknowledged) > count
                for each, count in zip(self.people, before, strict=True)
            )
        )

    def kill(self, server: Server, seconds: float) -> None:
        """Kill `server` so long after somebody was acknowledged something more."""
        before = sum(len(each.acknowledged) for each in self.people)
        self._until(lambda: sum(len(each.acknowledged) for each in self.people) > before)
        time.sleep(seconds)  # chance, not patience: any moment will do
        self._homes.close(server)
        server.kill()

    def end(self) -> Account:
        """Say the last words, which everybody hears, and add everything up."""
        server = self._homes.find(0)
        assert server is not None
        for room in self.rooms:
            _ask(server, "POST", f"/api/messages?room={quote(room)}", {"message": LAST_WORDS})
        for life in self._lives:
            life.result(SECONDS_TO_WAIT)
        stored = {room: self._stored(server, room) for room in self.rooms}
        return _account(self.people, stored)

    def _stored(self, server: Server, room: str) -> dict[int, str]:
        """All that is kept of a room, by its place."""
        found: dict[int, str] = {}
        epoch = next(each.epoch for each in self.people if each.room == room)
        page: dict[str, Any] = {"more": True}
        while page["more"] or len(page["messages"]) == 1000:
            after = max(found, default=0)
            place = f"epoch={epoch}&after={after}&limit=1000"
            page = _ask(server, "GET", f"/api/messages?room={quote(room)}&{place}")
            found |= {each["offset"]: each["data"]["message"] for each in page["messages"]}
        return found

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while not condition():
            for life in self._lives:
                if life.done():
                    life.result()
            assert time.monotonic() < deadline, "nobody is acknowledged anything any more"
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _ask(server: Server, method: str, path: str, body: object = None) -> Any:
    """The answer of the HTTP API."""
    connection = http.client.HTTPConnection("localhost", server.port, timeout=SECONDS_TO_WAIT)
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = json.load(answer)
    connection.close()
    assert answer.status == 200, said
    return said


def _account(people: Sequence[Survivor], stored: dict[str, dict[int, str]]) -> Account:
    holes = doubled = wrong = lost = 0
    for each in people:
        kept = stored[each.room]
        places = [offset for offset, _ in each.heard]
        expected = range(places[0], places[-1] + 1)
        holes += len(set(expected).difference(places))
        doubled += len(places) - len(set(places))
        wrong += sum(kept.get(offset) != text for offset, text in each.heard)
        wrong += places != sorted(places)
        lost += sum(kept.get(offset) != text for offset, text in each.acknowledged)
    return Account(
        said=sum(each.said for each in people),
        acknowledged=sum(len(each.acknowledged) for each in people),
        stored=sum(map(len, stored.values())),
        resumed=sum(each.resumed for each in people),
        not_resumed=sum(each.not_resumed for each in people),
        lost=lost,
        holes=holes,
        doubled=doubled,
        wrong=wrong,
    )
