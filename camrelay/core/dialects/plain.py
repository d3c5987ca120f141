"""The dialect of unchanged clients: a message in, the same bytes to everyone."""

from camrelay.core.dialects.dialect import Command, Publish
from camrelay.core.dialects.notices import Gap, Notice, Problem
from camrelay.core.frames import text_frame
from camrelay.core.kinds.kind import Kind
from camrelay.core.kinds.strict_json import encode
from camrelay.core.publication import Publication


class Plain:
    """Messages only; and errors, for clients that asked for them (`?errors=1`)."""

    name = ""
    takes_tokens = False

    def publication(self, kind: Kind, publication: Publication, now: float) -> bytes:
        """The frame that was made when it was accepted."""
        return publication.frame

    def notice(self, notice: Notice) -> bytes:
        """Errors and gaps; other notices cannot be expressed."""
        match notice:
            case Problem(reason=reason, detail=detail):
                return _error(reason, detail)
            case Gap(detail=detail):
                return _error("gap", detail)
            case _:
                return b""

    def read(self, kind: Kind, payload: bytes, is_binary: bool) -> Command:
        """Every message is one for the room."""
        return Publish(payload, is_binary)


def _error(reason: str, detail: str) -> bytes:
    return text_frame(encode({"error": {"reason": reason, "detail": detail}}))


PLAIN = Plain()
