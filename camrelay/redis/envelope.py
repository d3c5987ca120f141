"""What nodes say to each other, as bytes: MessagePack behind one byte that names the version.

Three kinds of channels carry envelopes. A room's reaches the nodes with members in the room, a
node's reaches that node, and the common one reaches every node.

    camrelay:room:PATH   Turn, Left, Members, Ask (of a node that has just opened the room)
    camrelay:node:NODE   Ask (about many rooms), Answer, Rooms
    camrelay:nodes       Hello, Alive, Bye, Survey

Every envelope has the name of its node and a number that grows from one envelope of a node to the
next. Who is no node (a command, a web application) has the empty name, and its number is 0.
"""

from msgspec import DecodeError, Struct
from msgspec.msgpack import Decoder, Encoder

from camrelay.core.dialects.notices import Member
from camrelay.core.kinds.kind import Message
from camrelay.core.publication import Publication

# Nodes of different versions ignore each other: raise it when an older node could not read on.
VERSION = b"\x02"

NODES = "camrelay:nodes"
NO_NODE = ""

# Rooms in one Ask, and in one part of an answer: no node is busy with one for long.
ROOMS_AT_ONCE = 500


def room_channel(path: str) -> str:
    """The channel of the room at `path`."""
    return f"camrelay:room:{path}"


def node_channel(node: str) -> str:
    """The channel on which `node` is spoken to."""
    return f"camrelay:node:{node}"


class Carried(Struct, frozen=True, array_like=True, gc=False):
    """A publication on its way; `body` is what the room passes on, untouched.

    `at` is the time at which it was accepted, in seconds since 1970, and `user` what others see of
    the publisher.
    """

    publisher: str
    key: str
    is_binary: bool
    sequence: int
    body: bytes
    at: float = 0.0
    user: str = ""

    @property
    def message(self) -> Message:
        """What members get."""
        return Message(self.body, self.key, self.is_binary)


def carried(publication: Publication) -> Carried:
    """`publication`, ready to leave."""
    body, key, is_binary = publication.message
    publisher, sequence = publication.publisher, publication.sequence
    return Carried(publisher, key, is_binary, sequence, body, publication.at, publication.user)


class Turn(Struct, frozen=True, array_like=True, tag="turn"):
    """What members of the room at `path` have said, in order."""

    node: str
    number: int
    path: str
    publications: list[Carried]


class Left(Struct, frozen=True, array_like=True, tag="left"):
    """Publishers whose positions are not retained any more."""

    node: str
    number: int
    path: str
    publishers: list[str]


class Members(Struct, frozen=True, array_like=True, tag="members"):
    """Who is in the room on the node now; a `count` of 0: the node does not listen any more."""

    node: str
    number: int
    path: str
    count: int
    named: tuple[Member, ...] = ()


class Ask(Struct, frozen=True, array_like=True, tag="ask"):
    """The node wants to know what is retained in rooms, and how many members they have."""

    node: str
    number: int
    paths: list[str]


class Snapshot(Struct, frozen=True, array_like=True):
    """One room as a node has it: everything that is retained there of its own publishers."""

    path: str
    members: int
    retained: list[Carried]
    named: tuple[Member, ...] = ()


class Answer(Struct, frozen=True, array_like=True, tag="answer"):
    """The rooms that were asked about; those that the node does not have are empty."""

    node: str
    number: int
    rooms: list[Snapshot]


class Hello(Struct, frozen=True, array_like=True, tag="hello"):
    """The node is new, or some of what it said may be lost: ask it."""

    node: str
    number: int


class Alive(Struct, frozen=True, array_like=True, tag="alive"):
    """A sign of life."""

    node: str
    number: int


class Bye(Struct, frozen=True, array_like=True, tag="bye"):
    """The node stops: what it said is over."""

    node: str
    number: int


class Survey(Struct, frozen=True, array_like=True, tag="survey"):
    """The node wants to know which rooms there are."""

    node: str
    number: int


class Rooms(Struct, frozen=True, array_like=True, tag="rooms"):
    """Rooms that the node has open, with the number of members there: a part of its answer to the
    Survey that had the number `survey`. `left_out`: so many more are not told."""

    node: str
    number: int
    survey: int
    members: dict[str, int]
    is_last: bool
    left_out: int = 0


Envelope = Turn | Left | Members | Ask | Answer | Hello | Alive | Bye | Survey | Rooms


class Unreadable(Exception):
    """Bytes that are no envelope of this version."""


_encode = Encoder().encode
_decoder: Decoder[Envelope] = Decoder(Envelope)


def to_bytes(envelope: Envelope) -> bytes:
    """`envelope` as one message of Redis."""
    return VERSION + _encode(envelope)


def from_bytes(data: bytes) -> Envelope:
    """The envelope in `data`. Raises Unreadable."""
    if data[:1] != VERSION:
        raise Unreadable(f"version {data[:1].hex() or 'none'}, not {VERSION.hex()}")
    try:
        return _decoder.decode(memoryview(data)[1:])
    except DecodeError as error:
        raise Unreadable(str(error)) from None
