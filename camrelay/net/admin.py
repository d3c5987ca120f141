"""The admin listener: what the operator asks a running server, and tells it, over HTTP.

It has no password. A unix socket lets in whom its mode lets in, the owner and root; a TCP port is
bound to this machine only, and answers no web page that a browser of this machine has open.
"""

import json
import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import FORBIDDEN, INTERNAL_SERVER_ERROR, NOT_ALLOWED, NOT_FOUND
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from camrelay.core.errors import StartError
from camrelay.net.http import exchange_site
from camrelay.net.listen import Listener

_INTERFACE = re.compile(r":interface=((?:\\.|[^:\\])*)")
_HERE = re.compile(rb"(localhost|127\.[0-9.]+|\[::1\])(:[0-9]{1,5})?")

_log = Logger(namespace="camrelay")


class Answer(NamedTuple):
    """What a path of the admin listener answers."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


Reply = Callable[[], Answer | Deferred[Answer]]

AdminTable = dict[tuple[str, str], Reply]
"""What is called for a method (GET also stands for HEAD) and a path, such as ("GET", "/status")."""


def in_json(value: object, status: int = 200) -> Answer:
    """`value` for programs, and on several lines for people."""
    return Answer(json.dumps(value, indent=2).encode() + b"\n", "application/json", status)


def in_words(text: str, status: int = 200) -> Answer:
    """`text` for people."""
    return Answer(text.encode() + b"\n", status=status)


def admin_listener(reactor: Any, text: str, anywhere: bool) -> Listener:
    """The listener for `--admin`: a unix socket of mode 600 unless it says otherwise, or TCP.

    Raises StartError for other endpoints, and for TCP that other machines reach, unless `anywhere`.
    """
    kind = text.partition(":")[0]
    if kind not in ("unix", "tcp", "tcp6"):
        raise StartError("--admin", text, f"cannot be used: write {_EXAMPLES}")
    if kind != "unix" and not anywhere and not _stays_here(text):
        remedy = (
            "can be reached from other machines, and whoever reaches it can stop this server: "
            f"write {_EXAMPLES}, or add --admin-anywhere"
        )
        raise StartError("--admin", text, remedy)
    if kind == "unix" and ":mode=" not in text:
        text += ":mode=600"  # Twisted's is 666
    try:
        endpoint = serverFromString(reactor, text)
    except Exception as error:  # it raises whatever comes up
        remedy = f"is not an endpoint ({error}): write {_EXAMPLES}"
        raise StartError("--admin", text, remedy) from None
    return Listener(text, endpoint, secure=False)


_EXAMPLES = "unix:/run/camrelay/admin.sock or tcp:9443:interface=127.0.0.1"


def _stays_here(text: str) -> bool:
    found = _INTERFACE.search(text)
    try:
        return found is not None and _is_loopback(re.sub(r"\\(.)", r"\1", found[1]))
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    """Raises ValueError for what is no IP address."""
    return ip_address(host).is_loopback


def admin_site(reactor: Any, table: AdminTable) -> Site:
    """The site that answers from `table`; paths may be added to it later."""
    return exchange_site(reactor, _Admin(table), _not_recorded)


def _not_recorded(*_: object) -> None:
    """Whoever looks every few seconds would fill the log."""


class _Admin(Resource):
    """Answers every path: from the table, or with what there is."""

    isLeaf = True

    def __init__(self, table: AdminTable) -> None:
        super().__init__()
        self._table = table

    def render(self, request: Request) -> int:
        """Called once the request is complete."""
        reply: Callable[[], Any] = self._reply(request)
        answer: Deferred[Answer] = maybeDeferred(reply)
        request.notifyFinish().addErrback(lambda _: answer.cancel())
        answer.addErrback(self._failed).addCallback(_send, request)
        return NOT_DONE_YET

    def _reply(self, request: Request) -> Reply:
        if _comes_from_a_page(request):
            return lambda: in_words("requests of web pages are not allowed here", FORBIDDEN)
        method, path = request.method.decode("latin-1"), request.path.decode("latin-1")
        reply = self._table.get(("GET" if method == "HEAD" else method, path.rstrip("/")))
        return reply or (lambda: self._nothing(request, path.rstrip("/")))

    def _nothing(self, request: Request, path: str) -> Answer:
        methods = [method for method, known in self._table if known == path]
        if methods:
            request.setHeader("Allow", ", ".join(methods))
            return in_words(f"use {' or '.join(methods)} here", NOT_ALLOWED)
        known = "\n".join(f"{method} {path}" for method, path in sorted(self._table))
        return in_words(f"there is nothing at this path; there is\n{known}", NOT_FOUND)

    def _failed(self, failure: Failure) -> Answer:
        if not failure.check(CancelledError):
            _log.failure("error in the admin listener", failure, event="error")
        return in_words("an error in the server: it was logged", INTERNAL_SERVER_ERROR)


def _comes_from_a_page(request: Request) -> bool:
    """A browser says where a request comes from, or, where a page has made up a name for our
    address (DNS rebinding), asks for that name.
    """
    if request.getHeader(b"origin") is not None:
        return True
    host = getattr(request.getHost(), "host", None)
    if host is None or not _is_loopback(host):
        return False
    return not _HERE.fullmatch(request.getHeader(b"host") or b"")


def _send(answer: Answer, request: Request) -> None:
    if request.channel is None:  # the client did not wait
        return
    request.setResponseCode(answer.status)
    request.setHeader("Content-Type", answer.content_type)
    request.setHeader("Content-Length", str(len(answer.body)))
    request.write(answer.body)
    request.finish()
