"""What is asked of the store: one job for each call of the history, in order."""

from typing import NamedTuple

from camrelay.core.errors import Rejected
from camrelay.core.history import Keep, Page, Position, Said


class Opened:
    """A room from being opened to being closed.

    `is_heard`: the relay knows where it begins, and is told what comes. `is_refused`: it was told
    that it cannot know; as it would not hear of entries, there shall be none.
    """

    __slots__ = ("is_heard", "is_refused", "keep", "path")

    def __init__(self, path: str, keep: Keep) -> None:
        """Nobody knows yet."""
        self.path = path
        self.keep = keep
        self.is_heard = False
        self.is_refused = False


class Open(NamedTuple):
    """Answered with a Position."""

    room: Opened


class Append(NamedTuple):
    """Answered with a Position."""

    room: Opened
    said: Said


class Read(NamedTuple):
    """Answered with a Page."""

    room: Opened
    after: int | None
    limit: int


class Close(NamedTuple):
    """Answered with None."""

    room: Opened


class Sweep(NamedTuple):
    """Drop what is too old, also in rooms that are closed. Answered with whether there is more."""


Job = Open | Append | Read | Close | Sweep
Answer = Position | Page | bool | None


class Outcome(NamedTuple):
    """An answer for each job, in order, and what was the matter, for people, or empty."""

    answers: list[Answer | Rejected]
    trouble: str = ""
