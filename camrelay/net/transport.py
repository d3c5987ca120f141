"""The send path over TCP: send at once when nothing is queued, and signal backpressure early.

Twisted's own `write` buffers the bytes, registers the socket with epoll, and sends in a later turn:
three system calls where one suffices. Here `write` tries `send` first, and only what the kernel
does not accept goes Twisted's way, with all of its flow control.

`Port.transport` is the documented extension point for this class. One attribute of `FileDescriptor`
is private: `_tempDataLen`, the length of the part of its queue that waits to be joined.
tests/net/test_transport.py fails when Twisted changes it, or what `dataBuffer` means.
"""

import socket
import sys
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IListeningPort

# Linux's tcp.h; Python's socket module has no name for it.
_TCP_NOTSENT_LOWAT = 25

# How much unsent data the kernel buffers for one subscriber. By default this grows to megabytes,
# and a phone whose connection recovers would get thousands of outdated positions.
UNSENT_BYTES = 16384


class DirectServer(tcp.Server):
    """An accepted connection that sends at once."""

    def write(self, data: bytes) -> None:
        """Send `data`, or as much of it as the kernel accepts, and buffer the rest in order.

        A push producer is paused as soon as anything is buffered, not only from 64 KiB on: what is
        buffered here can no longer be conflated.
        """
        if self._tempDataLen or self.dataBuffer or not self.connected or self.disconnecting:
            super().write(data)
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            sent = 0  # EWOULDBLOCK, or the connection is broken, which the reactor will notice
        if sent < len(data):
            super().write(data[sent:])
            self._pause_producer()

    def _pause_producer(self) -> None:
        producer: Any = self.producer
        if producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            producer.pauseProducing()


def send_directly(port: IListeningPort, backlog: int) -> None:
    """Make the connections of a listening TCP port send directly, and prepare its socket.

    `backlog`: how many connections may wait to be accepted. Other ports are left as they are; to
    Twisted a unix socket is a kind of TCP port.
    """
    if not isinstance(port, tcp.Port) or port.socket.family == socket.AF_UNIX:
        return
    port.transport = DirectServer
    port.socket.listen(backlog)
    # Accepted sockets inherit both.
    port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        port.socket.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def give_up_after(transport: Any, seconds: float) -> None:
    """End the connection when the peer has acknowledged none of the sent data for `seconds`.

    For long answers, during which the peer sends nothing: the kernel itself would retransmit for a
    quarter of an hour (tcp(7), TCP_USER_TIMEOUT). A TLS transport gives access to the socket, too.
    """
    handle: socket.socket = transport.socket
    if sys.platform == "linux" and handle.family != socket.AF_UNIX:
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * seconds))
