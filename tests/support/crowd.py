"""Rooms full of clients: who says what in which kind of room, and who has heard what.

with Crowd(server) as crowd:
    anna, ben = crowd.join(CHAT, "lobby", count=2)
    anna.send(CHAT.said("anna", 0, 10))
    assert read(ben, CHAT, 10) == [("anna", 0), ... ("anna", 9)]
"""

import json
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self, TypeVar
from urllib.parse import quote

from tests.support.frames import PING, PONG, TEXT, Frame, frame
from tests.support.server import Server
from tests.support.wire import SECONDS_TO_WAIT, Wire

T = TypeVar("T")
Word = tuple[str, int]
"""What one message says: who has published it, and the how manieth of theirs it is."""


class Talk(NamedTuple):
    """How to talk in one kind of room."""

    prefix: str
    write: Callable[[str, int, int], str]
    read: Callable[[str], Word]

    def path(self, room: str) -> str:
        """The path of `room`."""
        return self.prefix + quote(room)

    def said(self, who: str, start: int, stop: int, padding: int = 0) -> bytes:
        """The frames in which `who` publishes its messages from `start` to before `stop`.

        `padding`: letters that make each longer, for positions at most 50.
        """
        words = range(start, stop)
        return b"".join(frame(TEXT, self.write(who, word, padding).encode()) for word in words)

    def heard(self, message: Frame) -> Word:
        """What a message says."""
        assert message.opcode == TEXT, message
        return self.read(message.payload.decode())


def _words(text: str) -> Word:
    who, number, *_ = text.split(" ")
    return who, int(number)


def _line(who: str, number: int, padding: int) -> str:
    return f"{who} {number} " + "é" * padding


def _position(who: str, number: int, padding: int) -> str:
    return json.dumps({"x": number, "y": 0, "z": 0, "id": f"{who} " + "é" * padding})


def _where(text: str) -> Word:
    position = json.loads(text)
    return position["id"].split(" ")[0], int(position["x"])


POSE = Talk("/ws/camera/", _position, _where)
CHAT = Talk(
    "/ws/chat/",
    lambda who, number, padding: json.dumps({"message": _line(who, number, padding)}),
    lambda text: _words(json.loads(text)["message"]),
)
PLAIN_TEXT = Talk("/ws/text/", _line, _words)


def read(member: Wire, talk: Talk, count: int) -> list[Word]:
    """The next `count` messages that `member` gets."""
    return [talk.heard(member.read_message()) for _ in range(count)]


def read_until(member: Wire, talk: Talk, last: Iterable[Word]) -> list[Word]:
    """What `member` gets until it has heard all of `last`."""
    missing, words = set(last), []
    while missing:
        words.append(talk.heard(member.read_message()))
        missing.discard(words[-1])
    return words


def hears_nothing_more(member: Wire) -> bool:
    """Whether the answer to a ping is all that still comes to `member`."""
    member.send(frame(PING, b"nothing more?"))
    return member.read_frame() == Frame(PONG, b"nothing more?")


def words_of(who: str, words: Iterable[Word]) -> list[int]:
    """The numbers of what `who` said, in the order in which they were heard."""
    return [number for speaker, number in words if speaker == who]


def together(*calls: Callable[[], T]) -> list[T]:
    """Do everything at the same time, each in a thread; the results, or the first failure."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


class Crowd:
    """The members that a test lets in; they all leave with it."""

    def __init__(self, server: Server) -> None:
        """Members of the rooms of `server`."""
        self.server = server
        self._members = ExitStack()

    def __enter__(self) -> Self:
        """Nobody is here yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Everybody leaves without ceremony."""
        self._members.close()

    def connect(self, **options: int) -> Wire:
        """A client that has not said yet where it wants to go; `options` are those of Wire."""
        authority = self.server.authority if self.server.secure else None
        return self._members.enter_context(Wire(self.server.port, authority=authority, **options))

    def join(self, talk: Talk, room: str, query: str = "", **options: int) -> Wire:
        """A new member."""
        member = self.connect(**options)
        member.upgrade(talk.path(room) + query)
        return member

    def join_many(self, count: int, talk: Talk, room: str) -> list[Wire]:
        """As many new members."""
        return [self.join(talk, room) for _ in range(count)]


class Speaker:
    """Publishes and hears itself, again and again, until the block is left.

    Nothing is put off: it says the next few words as soon as it has heard the last ones.
    """

    def __init__(self, member: Wire, talk: Talk, who: str, at_once: int = 20) -> None:
        """Say `at_once` words in one segment."""
        self.words = 0
        self._member = member
        self._talk = talk
        self._who = who
        self._at_once = at_once
        self._is_done = False
        self._error: Exception | None = None
        self._said = threading.Condition()
        self._thread = threading.Thread(target=self._speak)

    def __enter__(self) -> Self:
        """The first words are heard."""
        self._thread.start()
        self.wait_for_more()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """The last words are heard; raises what went wrong meanwhile."""
        self._is_done = True
        self._thread.join()
        assert self._error is None, f"after {self.words} words: {self._error!r}"

    @property
    def last(self) -> Word:
        """The last thing it has said."""
        return self._who, self.words - 1

    def wait_for_more(self, rounds: int = 3) -> None:
        """Return when it has spoken so many times more."""
        with self._said:
            until = self.words + rounds * self._at_once
            waited = self._said.wait_for(
                lambda: self.words >= until or self._error is not None, SECONDS_TO_WAIT
            )
        assert waited and self._error is None, f"after {self.words} words: {self._error!r}"

    def _speak(self) -> None:
        try:
            while not self._is_done:
                self._round()
        except Exception as error:
            self._error = error
        with self._said:
            self._said.notify_all()

    def _round(self) -> None:
        stop = self.words + self._at_once
        self._member.send(self._talk.said(self._who, self.words, stop))
        read_until(self._member, self._talk, [(self._who, stop - 1)])
        with self._said:
            self.words = stop
            self._said.notify_all()
