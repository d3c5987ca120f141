"""The dialect `camrelay.v1`: every frame is a JSON object that says in `type` what it is.

docs/protocol.md explains it, camrelay/web/asyncapi.yaml has the schema of each frame, and
tests/vectors/v1 has examples.
"""

from typing import Annotated

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from camrelay.core.dialects.dialect import Authenticate, Command, Publish
from camrelay.core.dialects.notices import Notice
from camrelay.core.errors import Rejected
from camrelay.core.frames import text_frame
from camrelay.core.kinds.kind import Kind
from camrelay.core.kinds.strict_json import decode, encode
from camrelay.core.publication import Publication

_Id = Annotated[str, msgspec.Meta(max_length=64)]


class _Message(Struct, omit_defaults=True, kw_only=True, tag="message"):
    """Fields in the order that is best to read; empty ones are left out."""

    publisher: str = msgspec.field(name="from")
    user: str = ""
    offset: int = 0
    sequence: int = 0
    time: float
    age: float
    data: Raw | str | UnsetType = UNSET
    binary: bytes | UnsetType = UNSET


class _Publish(Struct, forbid_unknown_fields=True, tag="publish"):
    data: Raw | UnsetType = UNSET
    binary: bytes | UnsetType = UNSET
    id: _Id = ""


class _Authenticate(Struct, forbid_unknown_fields=True, tag="auth"):
    token: str


_COMMANDS = msgspec.json.Decoder(_Publish | _Authenticate)
_TEXT = msgspec.json.Decoder(str)


class V1:
    """An envelope around each message, and a frame for each notice."""

    name = "camrelay.v1"
    takes_tokens = True

    def publication(self, kind: Kind, publication: Publication, now: float) -> bytes:
        """A frame of type `message`."""
        return text_frame(envelope(kind, publication, now))

    def notice(self, notice: Notice) -> bytes:
        """A frame with the fields of the notice."""
        return text_frame(encode(notice))

    def read(self, kind: Kind, payload: bytes, is_binary: bool) -> Command:
        """A frame of type `publish` or `auth`; strict, so that misspelt fields are noticed."""
        command = decode(_COMMANDS, payload, is_binary)
        match command:
            case _Authenticate(token=token):
                return Authenticate(token)
            case _Publish(data=Raw() as data, binary=UnsetType()):
                return Publish(_payload(kind, data), False, command.id)
            case _Publish(data=UnsetType(), binary=bytes() as payload):
                return Publish(payload, True, command.id)
        raise Rejected("wrong-type", "a publish has either data or binary")


def _payload(kind: Kind, data: Raw) -> bytes:
    """The bytes that a plain client would have sent."""
    body = bytes(data)
    if kind.is_json:
        return body
    try:
        return _TEXT.decode(body).encode()
    except msgspec.ValidationError:
        raise Rejected("wrong-type", "data must be a string in this room") from None


def envelope(kind: Kind, publication: Publication, now: float) -> bytes:
    """`publication` as a JSON object; its `age` is relative to `now`, seconds since 1970."""
    message = publication.message
    written = _Message(
        publisher=publication.publisher,
        user=publication.user,
        offset=publication.offset,
        sequence=publication.sequence,
        time=_rounded(publication.at),
        age=_rounded(max(0.0, now - publication.at)),  # another node's clock may be ahead
    )
    if message.is_binary:
        written.binary = message.body
    elif kind.is_json:
        written.data = Raw(message.body)
    else:
        written.data = message.body.decode("utf-8", "replace")
    return encode(written)


def _rounded(seconds: float) -> float:
    """To the millisecond; `round` takes longer than all the rest of a frame."""
    return int(seconds * 1000 + 0.5) / 1000


CAMRELAY_V1 = V1()
