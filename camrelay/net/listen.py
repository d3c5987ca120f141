"""Where the server listens: Twisted endpoint strings, with TLS where `tls+` comes before them."""

import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure

from camrelay.core.errors import StartError
from camrelay.net.transport import send_directly

TLS_PREFIX = "tls+"
REDIRECT_PREFIX = "redirect+"
PROXY_PREFIX = "proxy+"

# How many connections may wait to be accepted. With Twisted's 50, a third of 1,000 phones that
# reconnect at the same moment fail; the kernel caps this at net.core.somaxconn.
BACKLOG = 4096


class Listener(NamedTuple):
    """An endpoint that does not listen yet: `name` as the user wrote it.

    `shared`: another process has opened and announced the socket. `redirects`: it only redirects to
    TLS. `proxied`: connections begin with a PROXY header.
    """

    name: str
    endpoint: IStreamServerEndpoint
    secure: bool
    shared: bool = False
    redirects: bool = False
    proxied: bool = False


def from_string(reactor: Any, text: str) -> Listener:
    """The listener for an endpoint string. Raises StartError for one that cannot be read."""
    proxied, rest = text.startswith(PROXY_PREFIX), text.removeprefix(PROXY_PREFIX)
    secure, redirects = rest.startswith(TLS_PREFIX), rest.startswith(REDIRECT_PREFIX)
    bare = rest.removeprefix(REDIRECT_PREFIX if redirects else TLS_PREFIX)
    try:
        endpoint = serverFromString(reactor, bare)
    except Exception as error:  # plug-in parsers raise whatever they like
        remedy = f"is not an endpoint ({error}): write tcp:8080, tls+tcp:8443 or unix:/run/relay"
        raise StartError("--listen", text, remedy) from None
    return Listener(text, endpoint, secure, redirects=redirects, proxied=proxied)


def from_port(reactor: Any, port: int, secure: bool) -> Listener:
    """A TCP listener on all interfaces, IPv6 and IPv4 alike where the machine has both."""
    endpoint: IStreamServerEndpoint
    if _has_ipv6():
        endpoint = TCP6ServerEndpoint(reactor, port, backlog=BACKLOG, interface="::")
    else:
        endpoint = TCP4ServerEndpoint(reactor, port, backlog=BACKLOG)
    return Listener(f"port {port}", endpoint, secure)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


class ListeningService(Service):
    """Listens on one endpoint, from before the process gives up its privileges to its end."""

    def __init__(
        self,
        listener: Listener,
        factory: IProtocolFactory,
        announce: Callable[[IListeningPort, bool], None],
    ) -> None:
        """`announce(port, secure)` is called once the port listens."""
        self.listener = listener
        self._factory = factory
        self._announce = announce
        self._port: IListeningPort | None = None
        self._asked = False

    @property
    def is_shared(self) -> bool:
        """Other processes accept from the same socket."""
        return self.listener.shared

    @property
    def number(self) -> int | None:
        """The TCP port it listens on; None for other sockets, and while it does not listen."""
        host: Any = None if self._port is None else self._port.getHost()
        number: int | None = getattr(host, "port", None)
        return number

    def privilegedStartService(self) -> None:
        """Listen. Ends the process with one line when that cannot be done."""
        super().privilegedStartService()
        self._asked = True
        listening = self.listener.endpoint.listen(self._factory)
        failures: list[Failure] = []
        listening.addCallback(self._started).addErrback(failures.append)
        if failures:  # raised here: a Deferred would swallow it, and nothing would listen
            raise SystemExit(self._complaint(failures[0]))

    def startService(self) -> None:
        """Listen now under twist, which never asks for a privileged start."""
        super().startService()
        if not self._asked:
            self.privilegedStartService()

    def _started(self, port: IListeningPort) -> None:
        self._port = port
        send_directly(port, BACKLOG)
        if not self.listener.shared:
            self._announce(port, self.listener.secure)

    def _complaint(self, failure: Failure) -> str:
        return (
            f"camrelay: cannot listen on {self.listener.name}: {failure.getErrorMessage()} "
            "(stop what listens there, or choose another port)"
        )

    def step_aside(self) -> None:
        """Accept no more connections: other processes that share the socket do."""
        if self._port is not None:
            port: Any = self._port
            port.stopReading()

    def stopService(self) -> Deferred[None]:
        """Accept no more connections."""
        super().stopService()
        if self._port is None:
            return succeed(None)
        port: Any = self._port
        stopped: Deferred[None] = maybeDeferred(port.stopListening)
        return stopped
