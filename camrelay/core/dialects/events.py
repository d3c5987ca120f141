"""Server-sent events (WHATWG HTML 9.2), for clients that cannot use WebSockets.

    event: message
    id: 5f0c:42
    data: {"type":"message","from":"n1-7","offset":42,...}

The id is an epoch and an offset: a browser that lost the stream sends the last one that it got, as
`Last-Event-ID`, and resumes there. Every event that carries a position has an id.
"""

import re

from camrelay.core.dialects.dialect import Command
from camrelay.core.dialects.notices import Gap, Notice, Problem, Welcome
from camrelay.core.dialects.v1 import envelope
from camrelay.core.errors import CloseReason, Rejected
from camrelay.core.kinds.kind import Kind
from camrelay.core.kinds.strict_json import encode
from camrelay.core.publication import Publication

# Milliseconds until a browser that lost the stream reconnects by itself.
RETRY = 2000

_RETURN_IN = re.compile(r"\bin ([0-9]+) ms$")


class Events:
    """The objects of camrelay.v1 as events of one stream."""

    name = "sse"
    takes_tokens = False

    def publication(self, kind: Kind, publication: Publication, now: float) -> bytes:
        """An event of type `message`."""
        data = envelope(kind, publication, now)
        return _event("message", data, publication.epoch, publication.offset)

    def notice(self, notice: Notice) -> bytes:
        """An event of the type of the notice; `problem` for an error.

        EventSource reports its own connection problems as events of type `error`.
        """
        data = encode(notice)
        match notice:
            case Welcome(epoch=epoch, offset=offset) | Gap(epoch=epoch, offset=offset):
                return _event(_type(notice), data, epoch, offset)
            case Problem():
                return _event("problem", data)
            case _:
                return _event(_type(notice), data)

    def read(self, kind: Kind, payload: bytes, is_binary: bool) -> Command:
        """Nothing: a stream has one direction."""
        raise Rejected("wrong-type", "events go from the server to the client only")


EVENTS = Events()


def greeting() -> bytes:
    """The first line of a stream."""
    return b"retry: %d\n\n" % RETRY


def farewell(reason: CloseReason) -> bytes:
    """The last event of a stream; browsers reconnect after the time in the reason."""
    said = {"code": reason.code, "text": reason.text, "may_return": reason.may_return}
    found = _RETURN_IN.search(reason.text)
    retry = f"retry: {found[1]}\n".encode() if found else b""
    return retry + _event("close", encode(said))


def _type(notice: Notice) -> str:
    return str(notice.__struct_config__.tag)


def _event(type: str, data: bytes, epoch: str = "", offset: int = 0) -> bytes:
    place = f"id: {epoch}:{offset}\n" if epoch else ""
    # A kind may pass on JSON with line breaks between its values: each line is a field of its own.
    lines = b"\ndata: ".join(data.splitlines())
    return f"event: {type}\n{place}data: ".encode() + lines + b"\n\n"
