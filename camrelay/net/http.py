"""The HTTP site: one request per connection, and security headers on every answer."""

import re
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web.http import BAD_REQUEST, CACHED, NOT_ALLOWED, RESPONSES, HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from camrelay.core.errors import Denied
from camrelay.net.api.table import ROOT
from camrelay.net.pages import Page, Pages
from camrelay.net.peers import names_of
from camrelay.net.refusal import REQUEST_ID, refusal
from camrelay.net.transport import give_up_after
from camrelay.ports import Answered

Record = Callable[[Answered], None]

_EXCHANGE_SECONDS = 30.0
_BODY_BYTES = 16384
_METHODS = (b"GET", b"HEAD")
_PLAIN_HOST = re.compile(rb"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")
_POLICY = (
    # child-src is for the worker of the camera page: browsers without worker-src look there.
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; child-src 'self'; "
    b"connect-src 'self'%b; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_TWO_YEARS = b"max-age=63072000"  # as Mozilla's guideline has it
_EVERYWHERE = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Connection", b"close"),
)


def make_site(
    reactor: Any, api: Resource, record: Record, max_body: int, only_secure: bool = False
) -> Site:
    """The site that serves the pages, and `api` below /api/ with bodies of up to `max_body` bytes.

    `only_secure`: browsers that connected with TLS are told to use only TLS (HSTS, RFC 6797). Not
    with a development certificate: without trust in it, the site would be unreachable for years.

    `record` is called once for each answer.
    """
    return exchange_site(reactor, _Answers(Pages.load(), api, only_secure), record, max_body)


def exchange_site(
    reactor: Any, root: Resource, record: Record, max_body: int = _BODY_BYTES
) -> Site:
    """A site that serves `root`, one request for each connection; the rest as in `make_site`."""
    return _ExchangeSite(reactor, root, record, max_body)


class _Exchange(HTTPChannel):
    """One request and its answer, within 30 seconds whatever the peer does.

    A second request on the same connection would be another chance for slow-loris and smuggling.
    """

    factory: "_ExchangeSite"
    transport: Any
    _is_cut = False
    _is_over = False
    client: IAddress | None = None  # as a trusted proxy has named it
    came_by_tls = False  # as a trusted proxy says
    id = ""  # in the log

    def getPeer(self) -> IAddress:
        """The client, as a trusted proxy has named it, or the peer."""
        peer: IAddress = self.client or super().getPeer()
        return peer

    def isSecure(self) -> bool:
        """Whether the client came over TLS, to this server or to its proxy."""
        return self.came_by_tls or bool(super().isSecure())

    def connectionMade(self) -> None:
        """Start the deadline."""
        super().connectionMade()
        self.began = self.factory.reactor.seconds()
        self._deadline = self.callLater(_EXCHANGE_SECONDS, self.transport.abortConnection)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Stop the deadline."""
        self._stop_the_clock()
        super().connectionLost(reason)

    def _stop_the_clock(self) -> None:
        if self._deadline.active():
            self._deadline.cancel()

    def checkPersistence(self, request: HTTPRequest, version: bytes) -> bool:
        """Never."""
        return False

    def allHeadersReceived(self) -> None:
        """Answer without waiting for a body that is too long or has no Content-Length.

        A short one is read even if nothing uses it: closing a connection with unread bytes resets
        it, and the peer may then lose the answer.
        """
        super().allHeadersReceived()
        if self.length is None or self.length > self.factory.max_body:
            self.length = 0
            self._is_cut = True

    def loseConnection(self) -> None:
        """The answer is complete; the rest of a long body is read and discarded.

        Otherwise the connection would be reset (RFC 9112 section 9.6). TLS does this by itself.
        """
        self._is_over = True
        if self._is_cut and not super().isSecure():
            self.transport.unregisterProducer()
            self.transport.loseWriteConnection()
        else:
            super().loseConnection()

    def rawDataReceived(self, data: bytes) -> None:
        """The body of the request; bytes after the answer are discarded."""
        if not self._is_over:
            super().rawDataReceived(data)

    def stay(self, patience: float) -> None:
        """Keep the answer open without a deadline.

        A peer that acknowledges nothing for `patience` seconds is disconnected.
        """
        self._stop_the_clock()
        give_up_after(self.transport, patience)

    def end_within(self, seconds: float) -> None:
        """Set a new deadline: the connection is aborted if it has not ended by then."""
        self._stop_the_clock()
        self._deadline = self.callLater(seconds, self.transport.abortConnection)

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Add headers to every answer, including those that Twisted makes by itself."""
        headers.removeHeader(b"Server")
        if not headers.hasHeader(b"Content-Security-Policy"):
            headers.setRawHeaders(b"Content-Security-Policy", [_POLICY % b""])
        if not headers.hasHeader(b"Cache-Control"):
            headers.setRawHeaders(b"Cache-Control", [b"no-store"])
        if self.id:
            headers.setRawHeaders(REQUEST_ID, [self.id])
        for name, value in _EVERYWHERE:
            headers.setRawHeaders(name, [value])
        super().writeHeaders(version, code, reason, headers)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Answer a malformed request with a text, and log it, unlike Twisted."""
        if self.transport.disconnecting:
            return
        headers = [(REQUEST_ID, self.id)] if self.id else []
        self.transport.write(refusal(BAD_REQUEST, "the request cannot be read as HTTP", headers))
        self.loseConnection()
        self.factory.answered(self, "-", "-", BAD_REQUEST, 0)


class _ExchangeSite(Site):
    """A Site of exchanges that reports each answer."""

    protocol: Any = _Exchange
    noisy = False

    def __init__(self, reactor: Any, root: Resource, record: Record, max_body: int) -> None:
        super().__init__(root, timeout=None, reactor=reactor, parsePOSTFormSubmission=False)
        self._record = record
        self.max_body = max_body

    def log(self, request: HTTPRequest) -> None:
        """Twisted calls this when an answer is complete."""
        exchange = cast(_Exchange, request.channel)
        method, path = request.method.decode("latin-1"), request.path.decode("latin-1")
        self.answered(exchange, method, path, request.code, request.sentLength)

    def answered(self, exchange: _Exchange, method: str, path: str, status: int, size: int) -> None:
        """Report one answer."""
        peer, _ = names_of(exchange.getPeer())
        seconds = self.reactor.seconds() - exchange.began
        self._record(Answered(exchange.id, method, path, peer, status, size, seconds))


class _Answers(Resource):
    """Answers every path: a page, or a refusal that says why."""

    isLeaf = True

    def __init__(self, pages: Pages, api: Resource, only_secure: bool) -> None:
        super().__init__()
        self._pages = pages
        self._api = api
        self._only_secure = only_secure

    def render(self, request: Request) -> int:
        """Called once the request is complete."""
        if request.path.startswith(ROOT) and request.path not in self._pages:
            self._api.render(request)
            return NOT_DONE_YET
        page = self._page_for(request)
        request.setHeader(b"Content-Security-Policy", _policy_for(request))
        if self._only_secure and request.isSecure():  # section 7.2: only there
            request.setHeader(b"Strict-Transport-Security", _TWO_YEARS)
        request.setHeader(b"Content-Type", page.content_type)
        request.setHeader(b"Content-Length", b"%d" % len(page.body))
        if page.etag:
            # Kept, but asked for again each time: a new version of the server shows at once.
            request.setHeader(b"Cache-Control", b"no-cache")
        if not page.etag or request.setETag(page.etag) is not CACHED:
            request.write(page.body)
        request.finish()
        return NOT_DONE_YET

    def _page_for(self, request: Request) -> Page:
        try:
            if request.method not in _METHODS:
                request.setHeader(b"Allow", b", ".join(_METHODS))
                raise Denied(NOT_ALLOWED, "pages can only be read: use GET or HEAD")
            return self._pages.find(request.path)
        except Denied as denied:
            request.setResponseCode(denied.status)
            return self._pages.refusal(RESPONSES[denied.status].decode(), denied.text)


def _policy_for(request: Request) -> bytes:
    """The Content-Security-Policy for the host that the browser asked for.

    Safari before 15.4 does not count ws: and wss: of the same host as 'self', so they are named;
    both, since behind a TLS router we see http where the browser sees https. IPv6 addresses have
    no spelling in a policy (CSP 3 section 2.3.1) and get 'self' alone.
    """
    host = request.getHeader(b"host") or b""
    if not _PLAIN_HOST.fullmatch(host):
        return _POLICY % b""
    return _POLICY % (b" ws://%b wss://%b" % (host, host))
