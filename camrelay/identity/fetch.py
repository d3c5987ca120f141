"""One GET over https, with limits on size and time, and on the life of the connection."""

from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

import camrelay

SECONDS = 5.0


class NotFetchedError(Exception):
    """There is no answer, or it is not what was asked for."""


def fetch(reactor: Any, url: str, most: int, roots: Any = None) -> Deferred[bytes]:
    """The body at `url`, at most `most` bytes of it; redirects are not followed.

    `roots` are the authorities to trust, the system's when None. Fails with whatever
    went wrong, or when SECONDS are over; `explain` puts it into words. No connection is left.
    """
    fetching = Deferred.fromCoroutine(_get(reactor, url, most, roots))
    return fetching.addTimeout(SECONDS, reactor, _too_late)


def _too_late(_: object, seconds: float) -> bytes:
    raise NotFetchedError(f"no answer within {seconds:g} seconds")


async def _get(reactor: Any, url: str, most: int, roots: Any) -> bytes:
    connection = _Connection(reactor, roots)
    agent = Agent.usingEndpointFactory(reactor, connection)
    headers = Headers({"User-Agent": [f"camrelay/{camrelay.__version__}"]})
    try:
        response: Any = await agent.request(b"GET", url.encode("ascii"), headers)
        if response.code != 200:
            raise NotFetchedError(f"the answer is {response.code}")
        body = _Body(most)
        response.deliverBody(body)
        return await body.whole
    finally:
        connection.abort()


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class _Connection:
    """The connection of one request. Agent itself lets go of it where it should cut it off."""

    def __init__(self, reactor: Any, roots: Any) -> None:
        self._reactor = reactor
        self._roots = roots
        self._endpoint: Any = None
        self._protocol: Any = None

    def endpointForURI(self, uri: URI) -> "_Connection":
        """Called by Agent."""
        tcp = HostnameEndpoint(self._reactor, uri.host, uri.port, timeout=SECONDS)
        options = optionsForClientTLS(uri.host.decode("ascii"), self._roots)
        self._endpoint = wrapClientTLS(options, tcp)
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """Called by Agent."""
        connected: Deferred[Any] = self._endpoint.connect(protocolFactory)
        return connected.addCallback(self._remember)

    def _remember(self, protocol: Any) -> Any:
        self._protocol = protocol
        return protocol

    def abort(self) -> None:
        if self._protocol is not None:
            self._protocol.transport.abortConnection()


class _Body(Protocol):
    """Collects a body up to a size."""

    def __init__(self, most: int) -> None:
        self.whole: Deferred[bytes] = Deferred()
        self._most = most
        self._parts: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        """A part came."""
        self._parts.append(data)
        if sum(map(len, self._parts)) > self._most and not self.whole.called:
            self.whole.errback(NotFetchedError(f"the answer has more than {self._most} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """That was all, or the connection broke."""
        if self.whole.called:
            return
        if reason.check(ResponseDone):
            self.whole.callback(b"".join(self._parts))
        else:
            self.whole.errback(reason)


def explain(failure: Failure) -> str:
    """Why a fetch failed, in one line."""
    error: Any = failure.value
    while getattr(error, "reasons", None):  # Agent wraps what happened to the connection
        error = error.reasons[0].value
    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        return f"TLS: {error.args[0][-1][-1]}"
    if isinstance(error, ConnectionDone):
        return "the connection was closed"
    return str(error) or type(error).__name__
