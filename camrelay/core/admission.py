"""Who may come in, and to which room: decided before the WebSocket is open."""

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

# Messages of the past that a joiner may ask for.
MAX_HISTORY = 1000


class Request(Struct, frozen=True):
    """A WebSocket handshake, or a request of the HTTP API, as the client sent it.

    `path` is still percent-encoded; `host` has no port; `origin` is None when the client is no
    browser; `query` holds the first value of each parameter. `certificate_subject` is whom the
    client's certificate names, which TLS has verified; empty when it has shown none.
    `authorization` and `cookie` are headers, empty when they are missing. `dialect`: how the client
    wants to be spoken to. `id` is its name in the log, and in the header X-Request-Id of an answer.
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
    """The verdict on a request that may come in: its room and how the client wants it.

    `hz`: how many updates a second the client wants at most; 0 is all of them. `user`: the name
    that it gave itself. `history`: how much of what was said before it wants. `resume`: where it
    was the last time. `request`: what has to be decided again, once it has shown a token.
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
    """What is asked about everybody: the routes, the foreign origins that may come in, tokens.

    `verify` gives the bearer of a token, or raises Denied(401).
    """

    routes: RouteTable
    origins: Collection[str]
    verify: Callable[[str], Identity]

    def identify(self, request: Request) -> Identity | None:
        """Who asks; None is a stranger. Raises Denied(401), and Denied(403) for foreign pages."""
        check_origin(request, self.origins)
        return self._identity(request)

    def admit(self, request: Request) -> Admission:
        """The place for a handshake. Raises Denied with a status and a text that says why.

        Who has no token yet, but a dialect in which one can be sent, waits for it in a room of
        its own.
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
        """The place for one who may listen there, or publish, or both. Raises Denied.

        Where nobody needs a token, one that is not good makes its bearer a stranger: clients of
        other servers bring tokens of theirs.
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
        """The place for a `request` that was let wait, once its `token` is here. Raises Denied."""
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
    """A member listens, whatever else it does."""
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
    """The name that goes before what it says, if it wants that."""
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
