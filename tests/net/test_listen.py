"""Where the server listens: endpoint strings, ports, and the service around them."""

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import DeferredQueue
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from camrelay.core.errors import StartError
from camrelay.net.listen import Listener, ListeningService, from_port, from_string
from camrelay.net.transport import DirectServer

SECONDS_TO_WAIT = 10.0
LOOPBACK = "tcp:0:interface=127.0.0.1"


class Greeter(Protocol):
    """Says hello."""

    def connectionMade(self) -> None:
        """Say it, and tell the test what said it."""
        self.transport.write(b"hello")
        self.factory.transports.put(self.transport)


class Greeters(Factory):
    """Makes greeters."""

    protocol = Greeter
    noisy = False

    def __init__(self) -> None:
        """Nobody was greeted yet."""
        self.transports: DeferredQueue[Any] = DeferredQueue()


class Services:
    """Listening services with what they announced, all of them stopped in the end."""

    def __init__(self) -> None:
        """None yet."""
        self.announced: list[tuple[Any, bool]] = []
        self.factory = Greeters()
        self._made: list[ListeningService] = []

    def make(self, listener: Listener) -> ListeningService:
        """A service that does not listen yet."""
        service = ListeningService(
            listener, self.factory, lambda port, secure: self.announced.append((port, secure))
        )
        self._made.append(service)
        return service

    def listen(self, text: str) -> Any:
        """The port of a service that listens."""
        service = self.make(from_string(reactor, text))
        service.privilegedStartService()
        service.startService()
        return self.announced[-1][0]

    async def stop(self) -> None:
        """Stop all of them."""
        for service in self._made:
            await service.stopService()


@pytest_twisted.async_yield_fixture
async def services() -> AsyncIterator[Services]:
    """Services to make."""
    made = Services()
    yield made
    await made.stop()


def greeting(address: tuple[str, int] | str) -> bytes:
    """What a client is told at `address` (a path for a unix socket)."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    if isinstance(address, tuple) and ":" in address[0]:
        family = socket.AF_INET6
    with socket.socket(family) as client:
        client.settimeout(SECONDS_TO_WAIT)
        client.connect(address)
        return client.recv(100)


@pytest.mark.parametrize(
    ("text", "secure"),
    [
        ("tcp:8080", False),
        ("tls+tcp:8443", True),
        ("tcp:8080:interface=127.0.0.1", False),
        ("tls+tcp6:8443:interface=\\:\\:1", True),
        ("unix:/run/relay", False),
        ("tls+unix:/run/relay", True),
    ],
)
def test_an_endpoint_is_what_twisted_takes_for_one(text: str, secure: bool) -> None:
    """With `tls+` before it where TLS is wanted; it keeps the name that the user gave it."""
    listener = from_string(reactor, text)
    assert (listener.name, listener.secure, listener.shared) == (text, secure, False)


@pytest.mark.parametrize("text", ["redirect+tcp:80", "redirect+unix:/run/relay"])
def test_a_listener_may_only_redirect(text: str) -> None:
    """Without TLS of its own."""
    listener = from_string(reactor, text)
    assert (listener.name, listener.secure, listener.redirects) == (text, False, True)


@pytest.mark.parametrize(
    "text",
    [
        "redirect+tls+tcp:80",
        "tls+redirect+tcp:80",
        "",
        "8080",
        "tpc:8080",
        "tcp:http",
        "tls+",
        "tls+tls+tcp:1",
    ],
)
def test_what_is_no_endpoint_stops_the_start(text: str) -> None:
    """With the option, the text, and examples of good ones."""
    with pytest.raises(StartError) as caught:
        from_string(reactor, text)
    said = str(caught.value)
    assert said.startswith(f"--listen: {text!r} is not an endpoint (")
    assert said.endswith("): write tcp:8080, tls+tcp:8443 or unix:/run/relay")
    assert "\n" not in said


@pytest_twisted.ensureDeferred
async def test_a_port_is_open_to_ipv4_and_ipv6(services: Services) -> None:
    """Phones have one or the other."""
    services.make(from_port(reactor, 0, False)).startService()
    ((port, secure),) = services.announced
    assert not secure
    for host in ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",):
        number = port.getHost().port
        assert await deferToThread(greeting, (host, number)) == b"hello"


def test_a_port_is_named_as_the_user_said_it() -> None:
    """For the line that says that it is taken."""
    assert from_port(reactor, 8443, True)[:1] == ("port 8443",)
    assert from_port(reactor, 8443, True).secure


@pytest_twisted.ensureDeferred
async def test_a_listener_is_announced_when_it_is_open(services: Services) -> None:
    """With its real port, and whether it speaks TLS: that is what people are told to open."""
    services.make(from_string(reactor, f"tls+{LOOPBACK}")).privilegedStartService()
    ((port, secure),) = services.announced
    assert secure
    assert await deferToThread(greeting, ("127.0.0.1", port.getHost().port)) == b"hello"


@pytest_twisted.ensureDeferred
async def test_a_listener_listens_once(services: Services) -> None:
    """twistd starts it with privileges first and then again; twist only without."""
    both, plain = (services.make(from_string(reactor, LOOPBACK)) for _ in range(2))
    both.privilegedStartService()
    both.startService()
    assert len(services.announced) == 1
    plain.startService()
    assert len(services.announced) == 2


@pytest_twisted.ensureDeferred
async def test_its_connections_send_directly(services: Services) -> None:
    """The send path is for every TCP listener, however it was named."""
    port = services.listen(LOOPBACK)
    await deferToThread(greeting, ("127.0.0.1", port.getHost().port))
    assert isinstance(await services.factory.transports.get(), DirectServer)


@pytest_twisted.ensureDeferred
async def test_a_unix_socket_can_be_listened_on(services: Services, tmp_path: Path) -> None:
    """For a proxy on the same machine."""
    path = str(tmp_path / "relay")
    services.listen(f"unix:{path}")
    assert await deferToThread(greeting, path) == b"hello"


def complaint(services: Services, text: str) -> str:
    """How a start ends that cannot listen on `text`."""
    with pytest.raises(SystemExit) as caught:
        services.make(from_string(reactor, text)).privilegedStartService()
    return str(caught.value)


@pytest_twisted.ensureDeferred
async def test_a_taken_port_ends_the_start(services: Services) -> None:
    """The line names the listener as the user did, and says what to do; nothing is announced."""
    number = services.listen(LOOPBACK).getHost().port
    text = f"tcp:{number}:interface=127.0.0.1"
    said = complaint(services, text)
    assert said.startswith(f"camrelay: cannot listen on {text}: ")
    assert "Address already in use" in said
    assert said.endswith("(stop what listens there, or choose another port)")
    assert len(services.announced) == 1


@pytest_twisted.ensureDeferred
async def test_a_port_that_cannot_be_ends_the_start(services: Services) -> None:
    """Twisted takes the number when it reads the text, and finds out when it listens."""
    assert complaint(services, "tcp:70000").startswith("camrelay: cannot listen on tcp:70000: ")


@pytest_twisted.ensureDeferred
async def test_an_announcement_that_fails_ends_the_start(services: Services) -> None:
    """Whatever goes wrong once the port is open must not be lost in a Deferred."""

    def announce(port: Any, secure: bool) -> None:
        raise LookupError("no loudspeaker")

    service = ListeningService(from_string(reactor, LOOPBACK), services.factory, announce)
    with pytest.raises(SystemExit, match="no loudspeaker"):
        service.privilegedStartService()
    await service.stopService()


@pytest_twisted.ensureDeferred
async def test_a_service_that_stopped_takes_no_more_connections(services: Services) -> None:
    """The port is closed when stopService says so; to stop what never started is nothing."""
    service = services.make(from_string(reactor, LOOPBACK))
    await service.stopService()
    service.startService()
    ((port, _),) = services.announced
    number = port.getHost().port
    await service.stopService()
    with pytest.raises(ConnectionRefusedError):
        await deferToThread(greeting, ("127.0.0.1", number))


@pytest_twisted.ensureDeferred
async def test_a_shared_socket_stays_open(services: Services) -> None:
    """It was opened and announced by another process, and others still listen on it."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.setblocking(False)
        endpoint = AdoptedStreamServerEndpoint(reactor, os.dup(opened.fileno()), socket.AF_INET)
        service = services.make(Listener("shared", endpoint, secure=False, shared=True))
        service.startService()
        assert services.announced == []
        assert await deferToThread(greeting, opened.getsockname()) == b"hello"
        await service.stopService()
        with socket.create_connection(opened.getsockname(), SECONDS_TO_WAIT):
            opened.settimeout(SECONDS_TO_WAIT)
            accepted, _ = opened.accept()
            accepted.close()
