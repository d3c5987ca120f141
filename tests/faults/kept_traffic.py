"""Ten rooms that are kept, on two nodes, and a book of what everybody was told of them.

They speak the dialect camrelay.v1, which tells the place of each message, what was stored, and
what is lost.
"""

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from camrelay.redis.shared import NOT_STORED
from tests.faults.talk import Talk, Talker
from tests.support.server import Server

ROOMS = 10

Place = tuple[str, int]


@dataclass
class KeptTalker(Talker):
    """Somebody in a room: what was said, what was answered, and what was told, in order."""

    said: dict[str, float] = field(default_factory=dict)
    acked: dict[str, Place] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    places: dict[Place, str] = field(default_factory=dict)
    gaps: int = 0
    doubled: int = 0
    holes: int = 0
    place: Place = ("", 0)

    @property
    def path(self) -> str:
        """Of the room."""
        return f"/ws/chat/{self.room}"

    @property
    def headers(self) -> tuple[str, ...]:
        """The dialect."""
        return ("Sec-WebSocket-Protocol: camrelay.v1",)

    def say(self) -> None:
        """The next line."""
        text = f"{self.name} {len(self.said)}"
        self.said[text] = time.monotonic()
        self.send({"type": "publish", "id": text, "data": {"message": text}})

    def take(self, document: Any) -> None:
        """A frame of the dialect."""
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


class KeptTraffic(Talk[KeptTalker]):
    """The members of all rooms, and their talk."""

    def __init__(self, a: Server, b: Server) -> None:
        """Nobody is there yet."""
        super().__init__(a, b, ROOMS, lambda room, name: KeptTalker(f"room{room}", name))

    def has_heard(self, listener: KeptTalker, speaker: KeptTalker, since: float) -> bool:
        """Any of what was said: a line that was refused is not heard."""
        return any(at > since for text, at in speaker.said.items() if text in listener.heard)

    def has_heard_the_last(self, listener: KeptTalker, speaker: KeptTalker) -> bool:
        """By its text."""
        return next(reversed(speaker.said)) in listener.heard

    def account(self, repaired_at: float) -> Account:
        """Add everything up."""
        talkers = self.members
        lost = [(each, text) for each, by in self.pairs() for text in by.acked.keys() - each.heard]
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
                for listener, speaker in self.pairs()
                for text, why in speaker.refused.items()
            ),
            restored=max([at - repaired_at for at in late] + [0.0]),
        )
