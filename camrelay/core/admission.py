"""Which clients are admitted, and to which room: decided before the WebSocket is open."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from camrelay.core.access import rights
from camrelay.core.credentials import token_of
from camrelay.core.dialects.dialect import Dialect
from camrelay.core.dialects.plain import PLAIN
from camrelay.core.errors import Denied
from camrelay.core.history import Position
from camrelay.core.identity import Identity
from camrelay.core.kinds.kind import Kind
from camrelay.core.kinds.waiting_room import WAITING_ROOM
from camrelay.core.names import room_name
from camrelay.core.origins import is_own
from camrelay.core.parameters import position, whole_number
from camrelay.core.routes import RouteTable
from camrelay.core.terms import USUAL, Terms

UNAUTHORIZED = 401

# The most earlier messages that a joiner may ask for.
MAX_HISTORY = 1000


class Request(Struct, frozen=True):
    """A WebSocket handshake, or a request of the HTTP API, as the client sent it.

    `path` is still percent-encoded; `host` has no port; `origin` is None without the header, as
    from native clients; `query` has the first value of each parameter. `certificate_subject` is
    the name in the client's certificate, which TLS has verified; empty without one.
    `authorization` and `cookie` are headers, empty when missing. `dialect` is the one that the
    client asked for. `id` identifies it in the log, and in the header X-Request-Id of an answer.
    """

    path: str
    query: Mapping[str, str]
    host: str
    origin: str | None
    peer: str
    certificate_subject: str = ""
    authorization: str = ""
    cookie: str = ""
    dialect: Dialect = PLAIN
    id: str = ""


class Admission(Struct, frozen=True):
    """An admitted request: its room, and what the client asked for.

    `hz`: the most updates a second that the client wants; 0 means all. `user`: the name in
    `?user=`. `history`: how many earlier messages it wants. `resume`: the position of the last
    message that it has. `request`: set while the client waits for a token, to decide again.
    """

    room: str
    kind: Kind
    peer: str
    user: str = ""
    wants_errors: bool = False
    hz: float = 0.0
    dialect: Dialect = PLAIN
    identity: Identity | None = None
    may_subscribe: bool = True
    may_publish: bool = True
    history: int = 0
    resume: Position | None = None
    terms: Terms = USUAL
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """Decides on requests, by the routes, the allowed origins and tokens.

    `verify` returns the identity in a token, or raises Denied(401).
    """

    routes: RouteTable
    origins: Collection[str]
    verify: Callable[[str], Identity]

    def identify(self, request: Request) -> Identity | None:
        """The client's identity, or None. Raises Denied(401), or Denied(403) for other origins."""
        check_origin(request, self.origins)
        return self._identity(request)

    def admit(self, request: Request) -> Admission:
        """Decide on a handshake. Raises Denied with a status and a text that says why.

        A client that needs a token and has none, but whose dialect can send one later, is admitted
        to a waiting room of its own.
        """
        try:
            return _to_listen(self.admit_visitor(request))
        except Denied as denied:
            if denied.status != UNAUTHORIZED or not request.dialect.takes_tokens:
                raise
            if token_of(request, self.origins):
                raise
            return _waiting(request)

    def admit_visitor(self, request: Request) -> Admission:
        """Decide on a request, whose sender may then listen, or publish, or both. Raises Denied.

        In rooms that need no token, an invalid one counts as none: clients may send tokens that
        are meant for other servers.
        """
        check_origin(request, self.origins)
        try:
            identity = self._identity(request)
        except Denied as denied:
            return self._admit_stranger(request, denied)
        return self._admit(request, identity)

    def _identity(self, request: Request) -> Identity | None:
        token = token_of(request, self.origins)
        if token:
            return self.verify(token)
        subject = request.certificate_subject
        return Identity(subject) if subject else None

    def _admit_stranger(self, request: Request, denied: Denied) -> Admission:
        try:
            return self._admit(request, None)
        except Denied:
            raise denied from None

    def admit_with(self, request: Request, token: str) -> Admission:
        """Decide on a waiting `request`, now that its `token` is here. Raises Denied."""
        return _to_listen(self._admit(request, self.verify(token)))

    def renew(self, admission: Admission, token: str) -> Admission:
        """`admission` with a new token: of the same subject, or the first one. Raises Denied."""
        identity, before = self.verify(token), admission.identity
        if before is not None and identity.subject != before.subject:
            raise Denied(403, "the token has another subject: use it on another connection")
        if before is None:
            _check_user(admission.user, identity)
        allowed = rights(admission.terms.access, identity, admission.room)
        if not allowed.subscribe:
            raise Denied(403, "the token does not allow listening in this room")
        return replace(admission, identity=identity, may_publish=allowed.publish)

    def _admit(self, request: Request, identity: Identity | None) -> Admission:
        place = self.routes.find(request.path, identity)
        allowed = rights(place.terms.access, identity, place.room)
        query = request.query
        return Admission(
            room=place.room,
            kind=place.kind,
            peer=request.peer,
            user=_user(query.get("user", ""), identity),
            wants_errors=query.get("errors") == "1" or request.dialect.takes_tokens,
            hz=_hz(query.get("hz", ""), place.kind),
            dialect=request.dialect,
            identity=identity,
            may_subscribe=allowed.subscribe,
            may_publish=allowed.publish,
            history=whole_number(query, "history", MAX_HISTORY) or 0,
            resume=position(query, "offset"),
            terms=place.terms,
        )


def _to_listen(admission: Admission) -> Admission:
    """Members must be allowed to listen."""
    if not admission.may_subscribe:
        text = f"you may publish in {admission.room}, not listen: POST to /api/messages"
        raise Denied(403, text)
    return admission


def _waiting(request: Request) -> Admission:
    return Admission(
        room=request.path,
        kind=WAITING_ROOM,
        peer=request.peer,
        wants_errors=True,
        dialect=request.dialect,
        request=request,
    )


def _user(name: str, identity: Identity | None) -> str:
    """The name that is put before its messages, if it asked for that."""
    _check_user(name, identity)
    return room_name(name) if name else ""


def _check_user(name: str, identity: Identity | None) -> None:
    if name and identity is not None and name not in (identity.name, identity.subject):
        raise Denied(403, f"user={name[:64]!r} is not the name in your token")


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
