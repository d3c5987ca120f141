"""Twenty rooms on two nodes, two hundred messages a second, and a book of who heard what when.

In every room somebody on node A and somebody on node B speak in turn: in half of the rooms as
cameras, in the other half as people who chat. Both hear themselves and each other, and all that is
lost, doubled, out of order or late can be read off the books.
"""

import asyncio
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.frames import CLOSE, PING, PONG, TEXT, Frame, frame, parse_frame
from tests.support.server import Server
from tests.support.wire import handshake

ROOMS = 20
MESSAGES_PER_SECOND = 200
SECONDS_TO_CONVERGE = 30.0
SECONDS_BETWEEN_LOOKS = 0.02


@dataclass
class Heard:
    """One message that somebody got."""

    speaker: str
    number: int
    at: float


@dataclass
class Member:
    """Somebody in a room: what was said, what was heard, and what errors were told."""

    room: str
    name: str
    is_camera: bool
    said: list[float] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    errors: list[tuple[str, float]] = field(default_factory=list)

    async def connect(self, server: Server) -> None:
        """Join the room, and listen from then on."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", server.port)
        path = f"/ws/{'camera' if self.is_camera else 'chat'}/{self.room}?errors=1"
        self._writer.write(handshake(path, port=server.port))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        self._listening = asyncio.create_task(self._listen(reader))

    async def leave(self) -> None:
        """Hang up."""
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        self._writer.close()

    def say(self) -> None:
        """The next message."""
        number = len(self.said)
        if self.is_camera:
            document: Any = {"x": number, "y": 0, "z": 0, "id": self.name}
        else:
            document = {"message": f"{self.name} {number}"}
        self.said.append(time.monotonic())
        self._writer.write(frame(TEXT, json.dumps(document).encode()))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        data = bytearray()
        while chunk := await reader.read(65536):
            data += chunk
            while found := parse_frame(data):
                heard, length = found
                del data[:length]
                self._take(heard)

    def _take(self, heard: Frame) -> None:
        if heard.opcode == PING:
            self._writer.write(frame(PONG, heard.payload))
        if heard.opcode in (PING, CLOSE):
            return
        document = json.loads(heard.payload)
        now = time.monotonic()
        if "error" in document:
            self.errors.append((document["error"]["reason"], now))
        elif self.is_camera:
            self.heard.append(Heard(document["id"], int(document["x"]), now))
        else:
            speaker, number = document["message"].split(" ")
            self.heard.append(Heard(speaker, int(number), now))

    def heard_of(self, speaker: str) -> list[Heard]:
        """What was heard of one speaker, in order."""
        return [heard for heard in self.heard if heard.speaker == speaker]

    def told(self, reason: str) -> int:
        """How many errors of a reason were told."""
        return sum(each == reason for each, _ in self.errors)


class Traffic:
    """The members of all rooms, and their talk."""

    def __init__(self, a: Server, b: Server) -> None:
        """Nobody is there yet."""
        self._nodes = {"a": a, "b": b}
        self.rooms = [
            {name: Member(f"room{room}", name, room % 2 == 0) for name in self._nodes}
            for room in range(ROOMS)
        ]

    @property
    def members(self) -> list[Member]:
        """Everybody, in the order in which they speak."""
        return [room[name] for name in self._nodes for room in self.rooms]

    async def begin(self) -> None:
        """Everybody joins and hears everybody; from then on they talk until `end`."""
        for member in self.members:
            await member.connect(self._nodes[member.name])
        self._talking = asyncio.create_task(self._talk())
        await self._until(self._everybody_hears_everybody)

    async def move(self, origin: str, to: str) -> None:
        """Everybody on one node hangs up and connects to another."""
        for room in self.rooms:
            await room[origin].leave()
            await room[origin].connect(self._nodes[to])

    async def until_heard_everywhere(self, since: float) -> None:
        """Everybody has heard something of everybody that was said after `since`."""

        def is_restored() -> bool:
            newest = ((speaker, listener.heard_of(speaker.name)) for listener, speaker in pairs)
            return all(
                heard and speaker.said[heard[-1].number] > since for speaker, heard in newest
            )

        pairs = list(self._pairs())
        await self._until(is_restored)

    async def end(self) -> None:
        """They stop, when each has heard the newest of the other, and hang up."""
        self._talking.cancel()
        with suppress(asyncio.CancelledError):
            await self._talking
        for member in self.members:
            member.say()
        await self._until(self._have_converged)
        for member in self.members:
            await member.leave()

    async def _talk(self) -> None:
        started = time.monotonic()
        spoken = 0
        while True:
            for member in self.members:
                member.say()
                spoken += 1
                ahead = started + spoken / MESSAGES_PER_SECOND - time.monotonic()
                await asyncio.sleep(max(0.0, ahead))

    def _pairs(self) -> Iterable[tuple[Member, Member]]:
        """Every listener with every speaker in its room."""
        for room in self.rooms:
            for listener in room.values():
                for speaker in room.values():
                    yield listener, speaker

    def _everybody_hears_everybody(self) -> bool:
        return all(listener.heard_of(speaker.name) for listener, speaker in self._pairs())

    def _have_converged(self) -> bool:
        return all(
            heard and heard[-1].number == len(speaker.said) - 1
            for listener, speaker in self._pairs()
            for heard in [listener.heard_of(speaker.name)]
        )

    async def _until(self, condition: Any) -> None:
        deadline = time.monotonic() + SECONDS_TO_CONVERGE
        while not condition():
            assert time.monotonic() < deadline, f"not {condition.__name__}"
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
