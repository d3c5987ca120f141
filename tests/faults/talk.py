"""People in rooms on two nodes who speak in turn, each with a book of what they said and heard.

What they say, and what counts as heard, is the business of those who come here.
"""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tests.support.frames import PING, PONG, TEXT, frame, parse_frame
from tests.support.server import Server
from tests.support.wire import handshake

MESSAGES_PER_SECOND = 200
SECONDS_TO_CONVERGE = 30.0
SECONDS_BETWEEN_LOOKS = 0.02


@dataclass
class Talker(ABC):
    """Somebody in a room."""

    room: str
    name: str

    @property
    @abstractmethod
    def path(self) -> str:
        """Of the room, as in a URL."""

    @property
    def headers(self) -> tuple[str, ...]:
        """Of the handshake, besides the usual ones."""
        return ()

    @abstractmethod
    def say(self) -> None:
        """The next message."""

    @abstractmethod
    def take(self, document: Any) -> None:
        """Something was heard."""

    async def connect(self, server: Server) -> None:
        """Join the room, and listen from then on."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", server.port)
        self._writer.write(handshake(self.path, *self.headers, port=server.port))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        self._listening = asyncio.create_task(self._listen(reader))

    async def leave(self) -> None:
        """Hang up."""
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        self._writer.close()

    def send(self, document: Any) -> None:
        """To the server, as JSON."""
        self._writer.write(frame(TEXT, json.dumps(document).encode()))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        data = bytearray()
        while chunk := await reader.read(65536):
            data += chunk
            while found := parse_frame(data):
                heard, length = found
                del data[:length]
                if heard.opcode == PING:
                    self._writer.write(frame(PONG, heard.payload))
                elif heard.opcode == TEXT:
                    self.take(json.loads(heard.payload))


T = TypeVar("T", bound=Talker)


class Talk(ABC, Generic[T]):
    """The members of all rooms, and what they do: in each room there is one on each node."""

    def __init__(self, a: Server, b: Server, rooms: int, make: Callable[[int, str], T]) -> None:
        """Nobody is there yet; `make(room, name)` makes a member."""
        self._nodes = {"a": a, "b": b}
        self.rooms = [{name: make(room, name) for name in self._nodes} for room in range(rooms)]

    @abstractmethod
    def has_heard(self, listener: T, speaker: T, since: float) -> bool:
        """Whether the newest of `speaker` that `listener` knows was said after `since`."""

    @abstractmethod
    def has_heard_the_last(self, listener: T, speaker: T) -> bool:
        """Whether that is the last that was said."""

    @property
    def members(self) -> list[T]:
        """Everybody, in the order in which they speak."""
        return [room[name] for name in self._nodes for room in self.rooms]

    def pairs(self) -> Iterator[tuple[T, T]]:
        """Every listener with every speaker in its room."""
        for room in self.rooms:
            for listener in room.values():
                for speaker in room.values():
                    yield listener, speaker

    async def begin(self) -> None:
        """Everybody joins and hears everybody; from then on they talk until `end`."""
        for member in self.members:
            await member.connect(self._nodes[member.name])
        self._talking = asyncio.create_task(self._talk())
        await self.until_heard_everywhere(0.0)

    async def move(self, origin: str, to: str) -> None:
        """Everybody on one node hangs up and connects to another."""
        for room in self.rooms:
            await room[origin].leave()
            await room[origin].connect(self._nodes[to])

    async def until_heard_everywhere(self, since: float) -> None:
        """Everybody has heard something of everybody that was said after `since`."""
        await _until(lambda: all(self.has_heard(*pair, since) for pair in self.pairs()))

    async def end(self) -> None:
        """They stop, when each has heard the last of the other, and hang up."""
        self._talking.cancel()
        with suppress(asyncio.CancelledError):
            await self._talking
        for member in self.members:
            member.say()
        await _until(lambda: all(self.has_heard_the_last(*pair) for pair in self.pairs()))
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


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_CONVERGE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
