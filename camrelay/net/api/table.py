"""Which method and path is which call, and what becomes of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as HTTPRequest

from camrelay.core.errors import Denied, Rejected
from camrelay.net.api.answers import Answer, denied, problem, rejected
from camrelay.net.api.call import Call, call_of
from camrelay.net.api.channels import ChannelCalls
from camrelay.net.api.events import EventCalls
from camrelay.net.api.rooms import RoomCalls
from camrelay.net.api.sessions import SessionCalls

ROOT = b"/api/"

# What a page of another origin may send along, and for how long a browser may remember that.
_SHARED_HEADERS = "Authorization, Content-Type, Last-Event-ID"
_SHARED_SECONDS = 600

# None: the answer goes on by itself.
Reply = Callable[[Call], Answer | Deferred[Answer] | None]

_log = Logger(namespace="camrelay")


class Calls(NamedTuple):
    """All that can be asked for."""

    rooms: RoomCalls
    channels: ChannelCalls
    sessions: SessionCalls
    events: EventCalls


def _table(calls: Calls) -> Mapping[str, Mapping[str, Reply]]:
    """The replies by path, where a part in braces is open, and by method."""
    rooms, channels, sessions, events = calls
    return {
        "messages": {"GET": rooms.read, "POST": rooms.publish},
        "members": {"GET": rooms.members},
        "rooms": {"GET": rooms.rooms},
        "events": {"GET": events.open},
        "channels/{channel}": {"POST": channels.send},
        "channels/{channel}/receive": {"POST": channels.receive},
        "session": {
            "GET": sessions.show,
            "POST": sessions.sign_in,
            "DELETE": sessions.sign_out,
        },
    }


class Api(Resource):
    """Answers every path below /api/."""

    isLeaf = True

    def __init__(self, calls: Calls, origins: Collection[str], max_body: int) -> None:
        """Pages of `origins` may read the answers; `max_body` is in bytes."""
        super().__init__()
        self._table = _table(calls)
        self._origins = origins
        self._max_body = max_body

    def render(self, request: HTTPRequest) -> int:
        """Called once the request is complete."""
        self._share(request)
        replied: Deferred[Any] = maybeDeferred(self._reply, request)
        request.notifyFinish().addErrback(lambda _: replied.cancel())
        replied.addErrback(self._explain, getattr(request.channel, "id", ""))
        replied.addCallback(_write, request)
        return NOT_DONE_YET

    def _reply(self, request: HTTPRequest) -> Answer | Deferred[Answer] | None:
        self._check_length(request)
        call = call_of(request)
        replies, rest = self._find(request.path.removeprefix(ROOT))
        method = request.method.decode("latin-1")
        if method == "OPTIONS":
            return Answer(b"", status=204, headers={"Allow": _allowed(replies)})
        reply = replies.get("GET" if method == "HEAD" else method)
        if reply is None:
            text = f"use {' or '.join(replies)} here"
            return problem(405, "wrong-method", text, Allow=_allowed(replies))
        return reply(call._replace(rest=rest))

    def call_of(self, path: str) -> str:
        """What a request for `path` counts as: its pattern in the table, "page" or "unknown"."""
        root, _, rest = path.partition(ROOT.decode())
        if root or not rest:
            return "page"
        parts = rest.strip("/").split("/")
        fits = (pattern for pattern in self._table if _open_parts(pattern, parts) is not None)
        return next(fits, "unknown")

    def _find(self, path: bytes) -> tuple[Mapping[str, Reply], tuple[str, ...]]:
        """What can be done at `path`, and the parts of it that the table leaves open."""
        parts = [_decoded(part) for part in path.removesuffix(b"/").split(b"/")]
        for pattern, replies in self._table.items():
            rest = _open_parts(pattern, parts)
            if rest is not None:
                return replies, rest
        known = ", ".join(f"/api/{pattern}" for pattern in self._table)
        raise Denied(404, f"there is no such call; the calls are: {known}")

    def _check_length(self, request: HTTPRequest) -> None:
        if request.getHeader(b"transfer-encoding") is not None:
            raise Denied(411, "Content-Length is needed")
        length = int(request.getHeader(b"content-length") or 0)
        if length > self._max_body:
            raise Denied(413, f"the body has {length} bytes; at most {self._max_body}")

    def _share(self, request: HTTPRequest) -> None:
        """Let the pages of allowed origins read the answer (Fetch standard, CORS protocol).

        With the user's cookie only those that the operator has named.
        """
        request.setHeader("Vary", "Origin")
        origin = (request.getHeader(b"origin") or b"").decode("latin-1")
        if not origin or not (origin in self._origins or "*" in self._origins):
            return
        request.setHeader("Access-Control-Allow-Origin", origin)
        request.setHeader("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
        if origin in self._origins:
            request.setHeader("Access-Control-Allow-Credentials", "true")
        if request.method == b"OPTIONS":
            request.setHeader("Access-Control-Allow-Methods", "GET, POST, DELETE")
            request.setHeader("Access-Control-Allow-Headers", _SHARED_HEADERS)
            request.setHeader("Access-Control-Max-Age", str(_SHARED_SECONDS))

    def _explain(self, failure: Failure, id: str) -> Answer | None:
        error = failure.value
        if isinstance(error, CancelledError):
            return None  # nobody is there any more
        if isinstance(error, Denied):
            return denied(error)
        if isinstance(error, Rejected):
            return rejected(error)
        _log.failure("error in a call as {id}", failure, event="error", id=id)
        return problem(500, "internal-error", "an error in the server: it was logged")


def _open_parts(pattern: str, parts: Sequence[str]) -> tuple[str, ...] | None:
    """What stands where `pattern` has braces; None when the path is another one."""
    own = pattern.split("/")
    if len(own) != len(parts):
        return None
    pairs = list(zip(own, parts, strict=True))
    if any(wanted != given and not wanted.startswith("{") for wanted, given in pairs):
        return None
    return tuple(given for wanted, given in pairs if wanted.startswith("{"))


def _allowed(replies: Mapping[str, Reply]) -> str:
    """The methods that make sense (RFC 9110 section 10.2.1)."""
    head = ["HEAD"] if "GET" in replies else []
    return ", ".join([*replies, *head, "OPTIONS"])


def _decoded(part: bytes) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Denied(400, "the path is not percent-encoded UTF-8") from None


def _write(answer: Answer | None, request: HTTPRequest) -> None:
    if answer is None:
        return
    request.setResponseCode(answer.status)
    if answer.status != 204:
        request.setHeader("Content-Type", answer.content_type)
        request.setHeader("Content-Length", str(len(answer.body)))
    for name, value in answer.headers.items():
        request.setHeader(name, value)
    request.write(answer.body)
    request.finish()
