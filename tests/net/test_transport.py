"""The send path over real sockets: at once, in order, and with early backpressure."""

import random
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
import trustme
from twisted.internet import reactor, tcp, unix
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IListeningPort, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from zope.interface import implementer

from camrelay.net.certificate_files import PairFiles
from camrelay.net.tls import CurrentCertificates, load_certificate, tls_factory
from camrelay.net.transport import UNSENT_BYTES, DirectServer, give_up_after, send_directly

SECONDS_TO_WAIT = 10.0
SMALL_BUFFER = 4096  # the kernel takes it as a wish, and keeps a few KiB more
PATIENT = 8 << 20  # more than any kernel keeps for a peer that does not read


class Talker(Protocol):
    """The server's end of a connection."""

    transport: Any

    def __init__(self) -> None:
        """Not connected yet."""
        self.lost: Deferred[type[Exception]] = Deferred()

    def connectionMade(self) -> None:
        """Tell who waits for it."""
        self.factory.connections.put(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell who waits for it."""
        self.lost.callback(reason.type)


class Talkers(Factory):
    """Makes talkers, in the order in which clients come."""

    protocol = Talker
    noisy = False

    def __init__(self) -> None:
        """Nobody has come yet."""
        self.connections: DeferredQueue[Talker] = DeferredQueue()


@implementer(IPushProducer)
class Producer:
    """Notes the signals of a transport."""

    def __init__(self) -> None:
        """No signal yet."""
        self.signals: list[str] = []
        self.resumed: Deferred[None] = Deferred()

    def pauseProducing(self) -> None:
        """Backpressure."""
        self.signals.append("pause")

    def resumeProducing(self) -> None:
        """No more."""
        self.signals.append("resume")
        if not self.resumed.called:
            self.resumed.callback(None)

    def stopProducing(self) -> None:
        """The connection is gone."""


class Listening:
    """A port on loopback and those who connect to it."""

    def __init__(self, factory: Talkers) -> None:
        """`factory` serves the port."""
        self.port: Any = None
        self._factory = factory
        self._clients: list[socket.socket] = []

    def client(self, *, slow: bool = False) -> socket.socket:
        """A connected socket; a slow one has hardly any place for what it does not read."""
        client = socket.socket()
        client.settimeout(SECONDS_TO_WAIT)
        if slow:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        client.connect(("127.0.0.1", self.port.getHost().port))
        self._clients.append(client)
        return client

    async def connect(self, *, slow: bool = False) -> tuple[socket.socket, Talker]:
        """Both ends of a new connection; with a slow client the kernel takes little at a time."""
        client = self.client(slow=slow)
        talker = await within(self._factory.connections.get())
        if slow:
            talker.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        return client, talker

    async def close(self) -> None:
        """End everything."""
        await self.port.stopListening()
        for client in self._clients:
            client.close()


def within(deferred: Deferred[Any]) -> Deferred[Any]:
    """`deferred`, or a failure when it takes too long."""
    return deferred.addTimeout(SECONDS_TO_WAIT, reactor)


def read(client: socket.socket, size: int) -> bytes:
    """So many bytes."""
    data = bytearray()
    while len(data) < size:
        data += (more := client.recv(size - len(data)))
        assert more, f"the end after {len(data)} of {size} bytes"
    return bytes(data)


def read_to_end(client: socket.socket) -> bytes:
    """Everything until the server has closed."""
    data = bytearray()
    while more := client.recv(65536):
        data += more
    return bytes(data)


def kept(transport: Any) -> int:
    """How many bytes Twisted keeps until the kernel takes them."""
    count: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    return count


def numbered(size: int) -> bytes:
    """`size` bytes of which no part looks like another."""
    return b"".join(b"%07d " % number for number in range(size // 8 + 1))[:size]


async def listen(prepare: Callable[[IListeningPort], None]) -> Listening:
    """A port on loopback that was prepared."""
    factory = Talkers()
    listening = Listening(factory)
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    listening.port = await endpoint.listen(factory)
    prepare(listening.port)
    return listening


@pytest_twisted.async_yield_fixture
async def direct() -> AsyncIterator[Listening]:
    """A port whose connections send directly."""
    listening = await listen(lambda port: send_directly(port, 128))
    yield listening
    await listening.close()


@pytest_twisted.async_yield_fixture
async def stock() -> AsyncIterator[Listening]:
    """A port as Twisted makes it."""
    listening = await listen(lambda port: None)
    yield listening
    await listening.close()


@pytest_twisted.ensureDeferred
async def test_a_write_is_sent_at_once(direct: Listening) -> None:
    """The bytes arrive although the reactor does not run meanwhile."""
    client, talker = await direct.connect()
    talker.transport.write(b"hello")
    assert client.recv(100) == b"hello"
    assert kept(talker.transport) == 0


@pytest_twisted.ensureDeferred
async def test_short_writes_keep_every_byte_in_order(direct: Listening) -> None:
    """Whatever the kernel takes of each write, and however reads and writes alternate."""
    client, talker = await direct.connect(slow=True)
    chance = random.Random(7)
    expected, received = numbered(600_000), bytearray()
    ends = sorted({*chance.choices(range(len(expected)), k=500), len(expected)})
    states = set()
    start = 0
    for end in ends:
        talker.transport.write(expected[start:end])
        states.add(kept(talker.transport) > 0)
        start = end
        if chance.random() < 0.2:
            size = chance.randrange(end - len(received) + 1)
            received += await deferToThread(read, client, size)
    received += await deferToThread(read, client, len(expected) - len(received))
    assert bytes(received) == expected
    assert states == {True, False}, "no write was short: the test shows nothing"


@pytest_twisted.ensureDeferred
async def test_short_writes_keep_tls_in_order(tmp_path: Path) -> None:
    """TLS goes the same way, and does not survive one byte out of place."""
    authority = trustme.CA()
    file = tmp_path / "pair.pem"
    file.write_bytes(authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes())
    file.chmod(0o600)
    talkers = Talkers()
    factory = tls_factory(CurrentCertificates(load_certificate(PairFiles(file))), talkers, reactor)
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    send_directly(port, 128)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    listening = Listening(talkers)
    listening.port = port
    raw = listening.client(slow=True)
    client = await deferToThread(context.wrap_socket, raw, server_hostname="localhost")
    talker = await within(talkers.connections.get())
    expected = numbered(400_000)
    for start in range(0, len(expected), 10_000):
        talker.transport.write(expected[start : start + 10_000])
    assert await deferToThread(read, client, len(expected)) == expected
    client.close()
    await listening.close()


@pytest_twisted.ensureDeferred
async def test_backpressure_comes_with_the_first_byte_that_is_kept(direct: Listening) -> None:
    """Not only from 64 KiB on: what is kept here can no longer be conflated."""
    client, talker = await direct.connect(slow=True)
    producer, transport = Producer(), talker.transport
    transport.registerProducer(producer, True)
    written = 0
    while kept(transport) == 0 and written < PATIENT:
        assert producer.signals == []
        transport.write(numbered(1000))
        written += 1000
    assert producer.signals == ["pause"]
    assert 0 < kept(transport) <= 1000
    await deferToThread(read, client, written)
    await within(producer.resumed)
    assert (producer.signals, kept(transport)) == (["pause", "resume"], 0)


@pytest_twisted.ensureDeferred
async def test_backpressure_is_told_once(direct: Listening) -> None:
    """Writes that are made all the same, as for a pong, are kept in order and signal nothing."""
    client, talker = await direct.connect(slow=True)
    producer, expected = Producer(), numbered(PATIENT // 8)
    talker.transport.registerProducer(producer, True)
    talker.transport.write(expected)
    talker.transport.write(b"pong")
    assert producer.signals[:1] == ["pause"]
    assert await deferToThread(read, client, len(expected) + 4) == expected + b"pong"
    await within(producer.resumed)
    assert producer.signals.count("resume") == 1


@pytest_twisted.ensureDeferred
async def test_a_pull_producer_is_never_paused(direct: Listening) -> None:
    """It is asked for each piece anyway."""
    _, talker = await direct.connect(slow=True)
    producer = Producer()
    talker.transport.registerProducer(producer, False)
    talker.transport.write(numbered(PATIENT // 8))
    assert kept(talker.transport) > 0
    assert "pause" not in producer.signals


@pytest_twisted.ensureDeferred
async def test_what_is_kept_is_sent_before_the_connection_closes(direct: Listening) -> None:
    """loseConnection waits for it; the client gets all of it, and then the end."""
    client, talker = await direct.connect(slow=True)
    expected = numbered(300_000)
    talker.transport.write(expected)
    assert kept(talker.transport) > 0
    talker.transport.loseConnection()
    assert await deferToThread(read_to_end, client) == expected
    assert await within(talker.lost) is ConnectionDone


@pytest_twisted.ensureDeferred
async def test_writes_to_a_peer_that_is_gone_do_not_raise(direct: Listening) -> None:
    """The reactor finds out by itself and says so once; later writes do nothing."""
    client, talker = await direct.connect()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    for _ in range(3):
        talker.transport.write(b"is anybody there?")
    await within(talker.lost)
    talker.transport.write(b"nobody")


@pytest_twisted.ensureDeferred
async def test_writes_to_an_aborted_connection_do_not_raise(direct: Listening) -> None:
    """Neither in the same turn nor later."""
    _, talker = await direct.connect()
    talker.transport.abortConnection()
    talker.transport.write(b"too late")
    await within(talker.lost)
    talker.transport.write(b"far too late")


@pytest_twisted.ensureDeferred
async def test_accepted_sockets_are_prepared(direct: Listening) -> None:
    """No waiting for more to send (Nagle), and little unsent data in the kernel."""
    _, talker = await direct.connect()
    accepted = talker.transport.socket
    assert isinstance(talker.transport, DirectServer)
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    if sys.platform == "linux":
        not_sent_lowat = 25  # linux/tcp.h
        assert accepted.getsockopt(socket.IPPROTO_TCP, not_sent_lowat) == UNSENT_BYTES


@pytest_twisted.ensureDeferred
async def test_many_may_wait_to_be_accepted(direct: Listening) -> None:
    """Phones that come back at the same moment; Twisted's own backlog is 50."""
    for _ in range(100):
        direct.client()  # the reactor, which would accept, does not run


@pytest_twisted.ensureDeferred
async def test_unix_sockets_are_left_as_they_are(tmp_path: Path) -> None:
    """To Twisted they are TCP ports, but no option of TCP can be set on them."""
    factory = Talkers()
    path = str(tmp_path / "socket")
    port: Any = await UNIXServerEndpoint(reactor, path).listen(factory)
    send_directly(port, 128)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS_TO_WAIT)
        client.connect(path)
        talker = await within(factory.connections.get())
        assert type(talker.transport) is unix.Server
        give_up_after(talker.transport, 1.0)
        talker.transport.write(b"hello")
        assert await deferToThread(read, client, 5) == b"hello"
    await within(talker.lost)
    await port.stopListening()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives up sooner: run it there")
@pytest_twisted.ensureDeferred
async def test_a_peer_that_takes_nothing_is_given_up(direct: Listening) -> None:
    """Although it is there: to the server it is as one that is not."""
    _, talker = await direct.connect(slow=True)
    give_up_after(talker.transport, 0.5)
    talker.transport.write(bytes(PATIENT))
    assert await within(talker.lost) is ConnectionLost


@pytest_twisted.ensureDeferred
async def test_twisted_keeps_its_queue_where_we_look(stock: Listening) -> None:
    """DirectServer reads attributes of Twisted: this fails when one is renamed or reused.

    A write goes to `_tempDataBuffer`, whose length is `_tempDataLen`; when the socket is writable
    all of that moves to `dataBuffer`, and both are empty when everything is sent.
    """
    client, talker = await stock.connect(slow=True)
    transport, expected = talker.transport, numbered(PATIENT // 8)
    assert type(transport) is tcp.Server
    assert (transport.dataBuffer, transport.offset, transport._tempDataLen) == (b"", 0, 0)
    transport.write(expected)
    assert (transport.dataBuffer, transport._tempDataLen) == (b"", len(expected))
    await deferToThread(read, client, 1)
    await deferLater(reactor, 0)
    assert (len(transport.dataBuffer), transport._tempDataLen) == (len(expected), 0)
    assert transport.offset > 0
    transport.write(b"more")
    assert transport._tempDataLen == 4
    producer = Producer()
    transport.registerProducer(producer, True)
    assert (transport.producer, transport.streamingProducer) == (producer, True)
    transport.producerPaused = True
    assert await deferToThread(read, client, len(expected) + 3) == expected[1:] + b"more"
    await within(producer.resumed)
    assert (transport.dataBuffer, transport.offset, transport._tempDataLen) == (b"", 0, 0)
    assert not transport.producerPaused
    transport.unregisterProducer()
    assert (transport.connected, transport.disconnecting) == (1, False)
    transport.loseConnection()
    assert transport.disconnecting
    await within(talker.lost)
    assert not transport.connected
