"""A history and somebody who asks it and listens to it, as a relay does.

    position = await kept.open(LOBBY)
    await kept.say(LOBBY, "one", "two")
    page = await kept.read(LOBBY)
    assert kept.told(LOBBY) == ["one", "two"]

Answers and entries are real; turns end when something is waited for, time passes by hand.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from camrelay.core.errors import Rejected
from camrelay.core.history import Entry, Keep, Page, Position, Said
from camrelay.core.kinds.kind import Message
from camrelay.ports import Answer, History
from camrelay.testing import ManualClock
from tests.support.links import until

KEEP = Keep(1000, 86400.0)


class Asked:
    """A question on its way: its answers, which should be one."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.answers: list[Any] = []

    def __call__(self, answer: Any) -> None:
        """The `done` of a history."""
        assert not self.answers, f"answered {self.answers}, and again with {answer!r}"
        self.answers.append(answer)


class Kept:
    """Keeps the promises of `camrelay.ports.Remembering` and holds the history to its own."""

    def __init__(self, history: History, clock: ManualClock) -> None:
        """`clock` is that of the history."""
        self.history = history
        self.clock = clock
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self.breaks: list[tuple[str, Position, str]] = []
        self._next: dict[str, Position | None] = {}  # of the rooms that are open
        self._opening: dict[str, Asked] = {}
        self._asked: list[Asked] = []
        history.serve(self)

    # What the history tells

    def stored(self, path: str, epoch: str, entries: Sequence[Entry]) -> None:
        """Each comes behind the one before it, without a hole."""
        assert entries
        at = self._next[path]
        assert at is not None, "entries are told only behind the answer to room_opened"
        for entry in entries:
            assert (epoch, entry.offset) == (at.epoch, at.offset + 1)
            at = Position(epoch, entry.offset)
        self._next[path] = at
        self.entries[path] += entries

    def broken(self, path: str, at: Position, why: str) -> None:
        """The count goes on elsewhere."""
        self.breaks.append((path, at, why))
        self._next[path] = at

    def stands(self, path: str) -> bool:
        """Whether it is known where the open room stands."""
        return self._next[path] is not None

    def opened(self, path: str) -> Position:
        """The answer to the question that opened the room."""
        position: Position = self._opening[path].answers[0]
        return position

    def told(self, path: str) -> list[str]:
        """The texts of all entries that were told of a room."""
        return texts(self.entries[path])

    # What is asked of it

    def open_soon(self, path: str, keep: Keep = KEEP) -> Asked:
        """Open a room; the answer may come later."""
        self._next[path] = None
        asked = self._opening[path] = self._ask()

        def done(answer: Position | Rejected) -> None:
            if isinstance(answer, Position) and self._opening.get(path) is asked:
                self._next[path] = answer
            asked(answer)

        self.history.room_opened(path, keep, done)
        return asked

    async def open(self, path: str, keep: Keep = KEEP) -> Position:
        """Open a room."""
        return await self.answer(self.open_soon(path, keep))

    def close(self, path: str) -> None:
        """Nothing may be told of the room from now on."""
        del self._next[path], self._opening[path]
        self.history.room_closed(path)

    def append_soon(self, path: str, said: Said) -> Asked:
        """Append, and see that it is told before it is answered."""
        asked = self._ask()

        def done(answer: Position | Rejected) -> None:
            at = self._next.get(path)
            if isinstance(answer, Position) and at is not None and at.epoch == answer.epoch:
                assert at.offset >= answer.offset, "answered before it was told"
            asked(answer)

        self.history.append(path, said, done)
        return asked

    def say_soon(self, path: str, *lines: str) -> list[Asked]:
        """Append text messages, one after another without waiting."""
        return [self.append_soon(path, said(line, self.clock.unix())) for line in lines]

    async def append(self, path: str, said: Said) -> Position:
        """Append one."""
        return await self.answer(self.append_soon(path, said))

    async def say(self, path: str, *lines: str) -> list[Position]:
        """Append text messages; gives their places."""
        return [await self.answer(asked) for asked in self.say_soon(path, *lines)]

    def read_soon(self, path: str, after: int | None = None, limit: int = 1000) -> Asked:
        """Read; the answer may come later."""
        asked = self._ask()
        done: Answer[Page] = asked
        self.history.read(path, after, limit, done)
        return asked

    async def read(self, path: str, after: int | None = None, limit: int = 1000) -> Page:
        """Read a part of a room."""
        return await self.answer(self.read_soon(path, after, limit))

    def _ask(self) -> Asked:
        asked = Asked()
        self._asked.append(asked)
        return asked

    # Waiting

    async def answer(self, asked: Asked) -> Any:
        """What is answered; turns end until then."""
        await self.until(lambda: asked.answers)
        return asked.answers[0]

    async def settle(self) -> None:
        """Until everything that was asked is answered."""
        await self.until(lambda: all(asked.answers for asked in self._asked))

    async def until(self, condition: Any) -> None:
        """Let turns end until `condition` holds."""

        def holds() -> object:
            self.clock.end_turn()
            return condition()

        await until(holds)


def said(line: str, at: float, **more: Any) -> Said:
    """A text message as a relay has accepted it."""
    return Said("node-1", "Anna", at, Message(line.encode(), **more))


def texts(entries: Sequence[Entry]) -> list[str]:
    """What was said."""
    return [entry.said.message.body.decode() for entry in entries]
