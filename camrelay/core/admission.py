"""Who may come in, and to which room: decided before the WebSocket is open."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from camrelay.core.errors import Denied
from camrelay.core.kinds.kind import Kind
from camrelay.core.names import room_name
from camrelay.core.origins import is_own
from camrelay.core.routes import RouteTable


@dataclass(frozen=True, slots=True)
class Request:
    """A WebSocket handshake as the client sent it.

    `path` is still percent-encoded; `host` has no port; `origin` is None when the client is no
    browser; `query` holds the first value of each parameter. `certificate_subject` is whom the
    client's certificate names, which TLS has verified; empty when it has shown none.
    """

    path: str
    query: Mapping[str, str]
    host: str
    origin: str | None
    peer: str
    certificate_subject: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on a request that may come in: its room and how the client wants it.

    `hz`: how many updates a second the client wants at most; 0 is all of them.
    """

    room: str
    kind: Kind
    peer: str
    user: str = ""
    wants_errors: bool = False
    hz: float = 0.0


def admit(request: Request, routes: RouteTable, origins: Collection[str]) -> Admission:
    """The place for `request`. Raises Denied with 400, 403 or 404 and a text that says why."""
    check_origin(request, origins)
    place = routes.find(request.path)
    user = request.query.get("user", "")
    return Admission(
        room=place.room,
        kind=place.kind,
        peer=request.peer,
        user=room_name(user) if user else "",
        wants_errors=request.query.get("errors") == "1",
        hz=_hz(request.query.get("hz", ""), place.kind),
    )


def _hz(text: str, kind: Kind) -> float:
    if not text:
        return 0.0
    if not kind.newest_counts:
        raise Denied(400, "hz is for camera rooms: in this room every message counts")
    try:
        hz = float(text)
    except ValueError:
        hz = 0.0
    if not 0.1 <= hz <= 1000:
        raise Denied(400, f"hz={text[:20]!r} is not a number from 0.1 to 1000")
    return hz


def check_origin(request: Request, allowed: Collection[str]) -> None:
    """Keep the pages of other sites out of the user's rooms (cross-site WebSocket hijacking).

    Native clients send no Origin and pass. A browser's must name the host that it connects to,
    or be in `allowed`, where "*" stands for every origin. Raises Denied(403).
    """
    origin = request.origin
    if origin is None or origin in allowed or "*" in allowed:
        return
    if is_own(origin, request.host):
        return
    raise Denied(
        403,
        f"pages of {origin!r} may not connect to this server: "
        "start it with --allowed-origin for that origin",
    )
