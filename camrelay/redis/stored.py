"""What is kept of a message in Redis, and how nodes hear of it.

An entry is MessagePack. In the stream of its room it stands behind one byte that names the version;
on the channel of the room, `camrelay:history:PATH`, this byte, and then the array of epoch, offset
and entry. The script that stores it makes both from the same bytes.
"""

from typing import Any

from msgspec import DecodeError, Struct
from msgspec.msgpack import Decoder, Encoder

from camrelay.core.history import Entry, Position, Said
from camrelay.core.kinds.kind import Message
from camrelay.redis.envelope import Unreadable

# Raise it when an older node could not read on; it passes over entries that it cannot read.
VERSION = b"\x01"


class Stored(Struct, frozen=True, array_like=True, gc=False):
    """A message as it was said; `body` is what the room passes on, untouched."""

    publisher: str
    user: str
    at: float
    key: str
    is_binary: bool
    body: bytes

    @property
    def said(self) -> Said:
        """In the words of the core."""
        message = Message(self.body, self.key, self.is_binary)
        return Said(self.publisher, self.user, self.at, message)


class News(Struct, frozen=True, array_like=True, gc=False):
    """An entry that was just stored."""

    epoch: str
    offset: int
    stored: Stored

    @property
    def position(self) -> Position:
        """Its place."""
        return Position(self.epoch, self.offset)

    @property
    def entry(self) -> Entry:
        """The message in its place."""
        return Entry(self.offset, self.stored.said)


_encode = Encoder().encode
_stored_decoder = Decoder(Stored)
_news_decoder = Decoder(News)


def history_channel(path: str) -> bytes:
    """Where the nodes with members in the room at `path` hear what is stored."""
    return f"camrelay:history:{path}".encode()


def to_bytes(said: Said) -> bytes:
    """`said` as it is stored."""
    body, key, is_binary = said.message
    return VERSION + _encode(Stored(said.publisher, said.user, said.at, key, is_binary, body))


def news_from_bytes(data: bytes) -> News:
    """What came on the channel of a room. Raises Unreadable."""
    news: News = _decoded(_news_decoder, data)
    return news


def entry_from_bytes(offset: int, data: bytes) -> Entry:
    """The entry of a stream at `offset`. Raises Unreadable."""
    stored: Stored = _decoded(_stored_decoder, data)
    return Entry(offset, stored.said)


def _decoded(decoder: Decoder[Any], data: bytes) -> Any:
    if data[:1] != VERSION:
        raise Unreadable(f"version {data[:1].hex() or 'none'}, not {VERSION.hex()}")
    try:
        return decoder.decode(memoryview(data)[1:])
    except DecodeError as error:
        raise Unreadable(str(error)) from None
