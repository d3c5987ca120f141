"""Ten rooms that are kept, on two nodes, and a book of what everybody was told of them.

In every room somebody on each node speaks in turn, in the dialect camrelay.v1, which tells the
place of each message, what was stored, and what is lost.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from camrelay.redis.shared import NOT_STORED
from tests.support.frames import PING, PONG, TEXT, frame, parse_frame
from tests.support.server import Server
from tests.support.wire import handshake

ROOMS = 10
MESSAGES_PER_SECOND = 200
SECONDS_TO_CONVERGE = 30.0
SECONDS_BETWEEN_LOOKS = 0.02
V1 = "Sec-WebSocket-Protocol: camrelay.v1"

Place = tuple[str, int]


@dataclass
class Talker:
    """Somebody in a room: what was said, what was answered, and what was told, in order."""

    room: str
    name: str
    said: dict[str, float] = field(default_factory=dict)
    acked: dict[str, Place] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    places: dict[Place, str] = field(default_factory=dict)
    gaps: int = 0
    doubled: int = 0
    holes: int = 0
    place: Place = ("", 0)

    async def connect(self, server: Server) -> None:
        """Join the room, and listen from then on."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", server.port)
        self._writer.write(handshake(f"/ws/chat/{self.room}", V1, port=server.port))
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        self._listening = asyncio.create_task(self._listen(reader))

    async def leave(self) -> None:
        """Hang up."""
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        self._writer.close()

    def say(self) -> None:
        """The next line."""
        text = f"{self.name} {len(self.said)}"
        self.said[text] = time.monotonic()
        document = {"type": "publish", "id": text, "data": {"message": text}}
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
                    self._take(json.loads(heard.payload))

    def _take(self, document: dict[str, Any]) -> None:
        match document["type"]:
            case "welcome":
                self.place = (document["epoch"], document.get("offset", 0))
            case "gap":
                self.gaps += 1
                if "epoch" in document:
                    self.place = (document["epoch"], document.get("offset", 0))
            case "message":
                self._note(document["data"]["message"], document["offset"])
            case "ack":
                self.acked[document["id"]] = (document["epoch"], document["offset"])
            case "error":
                self.refused[document["id"]] = document["detail"]

    def _note(self, text: str, offset: int) -> None:
        epoch, before = self.place
        self.place = (epoch, offset)
        self.holes += offset != before + 1
        self.doubled += text in self.heard
        self.heard[text] = time.monotonic()
        self.places[self.place] = text


class Account(NamedTuple):
    """What came of it. `lost`: acknowledged, and not heard by somebody; of these `unexplained` to
    somebody who was told of no gap. `ghosts`: refused for good, and heard all the same. `restored`:
    seconds from the repair until everything that is said is acknowledged."""

    said: int
    acked: int
    refused: int
    unknown: int
    lost: int
    unexplained: int
    doubled: int
    holes: int
    disagreements: int
    ghosts: int
    restored: float


class KeptTraffic:
    """The members of all rooms, and their talk."""

    def __init__(self, a: Server, b: Server) -> None:
        """Nobody is there yet."""
        self._nodes = {"a": a, "b": b}
        self.rooms = [
            {name: Talker(f"room{room}", name) for name in self._nodes} for room in range(ROOMS)
        ]

    @property
    def talkers(self) -> list[Talker]:
        """Everybody, in the order in which they speak."""
        return [room[name] for name in self._nodes for room in self.rooms]

    async def begin(self) -> None:
        """Everybody joins and hears everybody; from then on they talk until `end`."""
        for talker in self.talkers:
            await talker.connect(self._nodes[talker.name])
        self._talking = asyncio.create_task(self._talk())
        await self.until_heard_everywhere(0.0)

    async def until_heard_everywhere(self, since: float) -> None:
        """Everybody has heard something of everybody that was said after `since`."""

        def is_restored() -> bool:
            return all(
                any(at > since for text, at in speaker.said.items() if text in listener.heard)
                for listener, speaker in self._pairs()
            )

        await _until(is_restored)

    async def end(self) -> None:
        """They stop, when each has heard the last words of the other, and hang up."""
        self._talking.cancel()
        with suppress(asyncio.CancelledError):
            await self._talking
        for talker in self.talkers:
            talker.say()
        await _until(
            lambda: all(
                next(reversed(speaker.said)) in listener.heard
                for listener, speaker in self._pairs()
            )
        )
        for talker in self.talkers:
            await talker.leave()

    async def _talk(self) -> None:
        started = time.monotonic()
        spoken = 0
        while True:
            for talker in self.talkers:
                talker.say()
                spoken += 1
                ahead = started + spoken / MESSAGES_PER_SECOND - time.monotonic()
                await asyncio.sleep(max(0.0, ahead))

    def _pairs(self) -> Iterator[tuple[Talker, Talker]]:
        """Every listener with every speaker in its room."""
        for room in self.rooms:
            for listener in room.values():
                for speaker in room.values():
                    yield listener, speaker

    def account(self, repaired_at: float) -> Account:
        """Add everything up."""
        talkers = self.talkers
        lost = [(each, text) for each, by in self._pairs() for text in by.acked.keys() - each.heard]
        late = [
            at
            for each in talkers
            for text, at in each.said.items()
            if at > repaired_at and text not in each.acked
        ]
        final = [why.startswith(NOT_STORED) for each in talkers for why in each.refused.values()]
        return Account(
            said=sum(len(each.said) for each in talkers),
            acked=sum(len(each.acked) for each in talkers),
            refused=sum(final),
            unknown=sum(len(each.said.keys() - each.acked) for each in talkers) - sum(final),
            lost=len({text for _, text in lost}),
            unexplained=sum(not each.gaps for each, _ in lost),
            doubled=sum(each.doubled for each in talkers),
            holes=sum(each.holes for each in talkers),
            disagreements=sum(
                room["a"].places[place] != room["b"].places[place]
                for room in self.rooms
                for place in room["a"].places.keys() & room["b"].places
            ),
            ghosts=sum(
                text in listener.heard and why.startswith(NOT_STORED)
                for listener, speaker in self._pairs()
                for text, why in speaker.refused.items()
            ),
            restored=max([at - repaired_at for at in late] + [0.0]),
        )


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_CONVERGE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
