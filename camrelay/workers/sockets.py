"""Listening sockets that the supervisor has opened, as a worker takes them over."""

import socket
from typing import Any

from twisted.internet import fdesc, unix
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer


def shared_endpoint(reactor: Any, descriptor: int, family: int) -> IStreamServerEndpoint:
    """The endpoint for an inherited `descriptor` of a socket that listens."""
    if family == socket.AF_UNIX:
        return SharedUnixEndpoint(reactor, descriptor)
    endpoint: IStreamServerEndpoint = AdoptedStreamServerEndpoint(reactor, descriptor, family)
    return endpoint


@implementer(IStreamServerEndpoint)
class SharedUnixEndpoint:
    """Accepts on a unix socket whose file belongs to another process.

    Twisted's own endpoint would give everybody access to the file (mode 666, whatever the
    operator said) and remove it at the end.
    """

    def __init__(self, reactor: Any, descriptor: int) -> None:
        """Listens once."""
        self._reactor = reactor
        self._descriptor = descriptor

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Accept connections for `factory`, as Twisted's Port does once its file is made."""
        port: Any = _SharedUnixPort(b"", factory, reactor=self._reactor)
        fdesc.setNonBlocking(self._descriptor)
        factory.doStart()
        port.socket = socket.socket(fileno=self._descriptor)
        port.fileno = port.socket.fileno
        port.numberAccepts = 100
        port.connected = True
        port.startReading()
        return succeed(port)


class _SharedUnixPort(unix.Port):
    def connectionLost(self, reason: Failure) -> None:
        """Something is wrong with the descriptor; the file stays for the others."""
        self.stopReading()
        self.socket.close()
