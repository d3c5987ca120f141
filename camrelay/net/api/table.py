"""Which method and path is which call, and what becomes of it."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as HTTPRequest

from camrelay.core.errors import Denied
from camrelay.net.api.answers import Answer, denied, problem
from camrelay.net.api.call import Call, call_of
from camrelay.net.api.channels import ChannelCalls
from camrelay.net.api.events import EventCalls
from camrelay.net.api.rooms import RoomCalls
from camrelay.net.api.sessions import SessionCalls

ROOT = b"/api/"

# None: the answer goes on by itself.
Reply = Callable[[Call], Answer | Deferred[Answer] | None]


class Calls(NamedTuple):
    """All that can be asked for."""

    rooms: RoomCalls
    channels: ChannelCalls
    sessions: SessionCalls
    events: EventCalls


def _table(calls: Calls) -> Mapping[str, Mapping[str, Reply]]:
    """The replies by path, where `*` is one part of it, and by method."""
    rooms, channels, sessions, events = calls
    return {
        "messages": {"POST": rooms.publish, "GET": rooms.read},
        "members": {"GET": rooms.members},
        "rooms": {"GET": rooms.rooms},
        "events": {"GET": events.open},
        "channels/*": {"POST": channels.send},
        "channels/*/receive": {"POST": channels.receive},
        "session": {
            "POST": sessions.sign_in,
            "GET": sessions.show,
            "DELETE": sessions.sign_out,
        },
    }


class Api(Resource):
    """Answers every path below /api/."""

    isLeaf = True
    _log = Logger(namespace="camrelay")

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
        replied.addErrback(self._explain)
        replied.addCallback(_write, request)
        return NOT_DONE_YET

    def _reply(self, request: HTTPRequest) -> Answer | Deferred[Answer] | None:
        if request.method == b"OPTIONS":
            return Answer(b"", status=204)
        self._check_length(request)
        call = call_of(request)
        replies, rest = self._find(request.path.removeprefix(ROOT))
        method = "GET" if request.method == b"HEAD" else request.method.decode("latin-1")
        reply = replies.get(method)
        if reply is None:
            allowed = ", ".join(replies)
            text = f"use {allowed} here"
            return problem(405, "wrong-method", text, Allow=allowed)
        return reply(call._replace(rest=rest))

    def _find(self, path: bytes) -> tuple[Mapping[str, Reply], tuple[str, ...]]:
        parts = _decoded(path).strip("/").split("/")
        for pattern, replies in self._table.items():
            own = pattern.split("/")
            if len(own) == len(parts) and all(
                wanted in ("*", given) for wanted, given in zip(own, parts, strict=True)
            ):
                open_parts = zip(own, parts, strict=True)
                return replies, tuple(given for wanted, given in open_parts if wanted == "*")
        known = ", ".join(f"/api/{pattern}" for pattern in self._table)
        raise Denied(404, f"there is no such call; they are: {known}")

    def _check_length(self, request: HTTPRequest) -> None:
        if request.getHeader(b"transfer-encoding") is not None:
            raise Denied(411, "say how long the body is: Content-Length is needed")
        length = int(request.getHeader(b"content-length") or 0)
        if length > self._max_body:
            raise Denied(413, f"the body has {length} bytes; at most {self._max_body}")

    def _share(self, request: HTTPRequest) -> None:
        """Let the pages of allowed origins read the answer (Fetch standard, CORS protocol)."""
        request.setHeader(b"Vary", b"Origin")
        origin = request.getHeader("origin")
        if origin and (origin in self._origins or "*" in self._origins):
            request.setHeader("Access-Control-Allow-Origin", origin)
            request.setHeader("Access-Control-Allow-Methods", "GET, POST, DELETE")
            request.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type")

    def _explain(self, failure: Failure) -> Answer | None:
        if failure.check(CancelledError):
            return None  # nobody is there any more
        if isinstance(failure.value, Denied):
            return denied(failure.value)
        self._log.failure("error in a call", failure, event="error")
        return problem(500, "internal-error", "an error in the server: it was logged")


def _decoded(path: bytes) -> str:
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise Denied(400, "the path is not percent-encoded UTF-8") from None


def _write(answer: Answer | None, request: HTTPRequest) -> None:
    if answer is None or request._disconnected:
        return
    request.setResponseCode(answer.status)
    if answer.status != 204:
        request.setHeader("Content-Type", answer.content_type)
        request.setHeader("Content-Length", str(len(answer.body)))
    for name, value in answer.headers.items():
        request.setHeader(name, value)
    request.write(answer.body)
    request.finish()
