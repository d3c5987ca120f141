"""Twenty rooms on two nodes, two hundred messages a second, and a book of who heard what when.

In half of the rooms people speak as cameras, in the other half they chat. They hear themselves and
each other, and all that is lost, doubled, out of order or late can be read off the books.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from tests.faults.talk import Talk, Talker
from tests.support.server import Server

ROOMS = 20


@dataclass
class Heard:
    """One message that somebody got."""

    speaker: str
    number: int
    at: float


@dataclass
class Member(Talker):
    """Somebody in a room: what was said, what was heard, and what errors were told."""

    is_camera: bool
    said: list[float] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    errors: list[tuple[str, float]] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Of the room; errors are told."""
        return f"/ws/{'camera' if self.is_camera else 'chat'}/{self.room}?errors=1"

    def say(self) -> None:
        """The next message."""
        number = len(self.said)
        self.said.append(time.monotonic())
        if self.is_camera:
            self.send({"x": number, "y": 0, "z": 0, "id": self.name})
        else:
            self.send({"message": f"{self.name} {number}"})

    def take(self, document: Any) -> None:
        """A message or an error."""
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


class Traffic(Talk[Member]):
    """The members of all rooms, and their talk."""

    def __init__(self, a: Server, b: Server) -> None:
        """Nobody is there yet."""
        super().__init__(a, b, ROOMS, lambda room, name: Member(f"room{room}", name, room % 2 == 0))

    def has_heard(self, listener: Member, speaker: Member, since: float) -> bool:
        """By the times of saying."""
        heard = listener.heard_of(speaker.name)
        return bool(heard) and speaker.said[heard[-1].number] > since

    def has_heard_the_last(self, listener: Member, speaker: Member) -> bool:
        """By its number."""
        heard = listener.heard_of(speaker.name)
        return bool(heard) and heard[-1].number == len(speaker.said) - 1
