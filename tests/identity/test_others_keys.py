"""The keys of others: in files, and at URLs of a real server with a real certificate."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
import trustme
from twisted.internet import reactor as the_reactor
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    DefaultOpenSSLContextFactory,
    trustRootFromCertificates,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from camrelay.core.errors import StartError
from camrelay.identity.jwk import MAX_SIZE
from camrelay.identity.others import PATIENCE, REFRESH, KeysAtUrl, KeysInFile, OthersKeys
from tests.support.links import until
from tests.support.tokens import NotedKeys, key, key_set, public, write_secret

reactor: Any = the_reactor
AUTHORITY = trustme.CA()
ROOTS = trustRootFromCertificates([Certificate.loadPEM(AUTHORITY.cert_pem.bytes())])
FIRST, SECOND = public(key("first")), public(key("second"))


def answer(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    """A whole HTTP answer."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class KeyServer(Factory):
    """Answers every request with the same bytes, and counts."""

    def __init__(self) -> None:
        """The first key is there."""
        self.answer = answer(key_set(FIRST))
        self.heads: list[bytes] = []
        self.open = 0
        self.port: Any = None

    def buildProtocol(self, addr: object) -> Protocol:
        """One for each request."""
        return _Answering(self)

    @property
    def url(self) -> str:
        """Where the keys are."""
        return f"{self.place}?tenant=1"

    @property
    def place(self) -> str:
        """The same, as it may be noted."""
        return f"https://localhost:{self.port.getHost().port}/keys.json"


class _Answering(Protocol):
    def __init__(self, server: KeyServer) -> None:
        self._server = server
        self._head = b""

    def connectionMade(self) -> None:
        """Somebody is there."""
        self._server.open += 1

    def dataReceived(self, data: bytes) -> None:
        """A request is over at the empty line."""
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self._server.heads.append(self._head)
            self.transport.write(self._server.answer)

    def connectionLost(self, reason: Failure) -> None:
        """They are gone."""
        self._server.open -= 1


class TestReactor:
    """The reactor, at a time of its own."""

    __test__ = False

    def __init__(self) -> None:
        """Time stands still."""
        self.clock = Clock()
        self.seconds = self.clock.seconds
        self.callLater = self.clock.callLater

    def __getattr__(self, name: str) -> Any:
        """Everything else is real."""
        return getattr(reactor, name)


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[KeyServer]:
    """On a free port, with a certificate for localhost."""
    pair = tmp_path / "pair.pem"
    AUTHORITY.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(pair)
    context = DefaultOpenSSLContextFactory(str(pair), str(pair))
    server = KeyServer()
    endpoint = SSL4ServerEndpoint(reactor, 0, context, interface="127.0.0.1")
    server.port = await endpoint.listen(server)
    yield server
    await until(lambda: not server.open)
    await server.port.stopListening()


class Fetching:
    """Keys at a URL, at a time that is moved by the test."""

    def __init__(self, url: str, roots: Any = ROOTS) -> None:
        """Begin to fetch."""
        self.noted = NotedKeys()
        self.reactor = TestReactor()
        self.keys = KeysAtUrl(url, self.reactor, self.noted, roots)
        self.keys.startService()

    @property
    def is_busy(self) -> bool:
        """Whether a request is on its way: then there is one more deadline than the next fetch."""
        return len(self.reactor.clock.getDelayedCalls()) > self.keys.running

    def knows(self, *kids: str) -> bool:
        """Whether these keys are there."""
        return all(self.keys.find(kid) for kid in kids)


@pytest_twisted.async_yield_fixture
async def fetching(server: KeyServer) -> AsyncIterator[Fetching]:
    """What a server that was started has after a moment: the first key."""
    fetching = Fetching(server.url)
    await until(lambda: fetching.knows("first"))
    yield fetching
    if fetching.keys.running:
        fetching.keys.stopService()


# URLs


@pytest_twisted.ensureDeferred
async def test_keys_are_fetched_at_the_start(fetching: Fetching, server: KeyServer) -> None:
    """Over TLS, from the path that was named, and by us."""
    assert fetching.noted.read == [(server.place, ["first"])]
    (head,) = server.heads
    assert head.startswith(b"GET /keys.json?tenant=1 HTTP/1.1\r\n")
    assert b"User-Agent: camrelay/" in head


@pytest_twisted.ensureDeferred
async def test_keys_are_fetched_again_from_time_to_time(
    fetching: Fetching, server: KeyServer
) -> None:
    """What is not there any more is believed no more."""
    server.answer = answer(key_set(SECOND))
    fetching.reactor.clock.advance(REFRESH)
    await until(lambda: fetching.knows("second"))
    assert not fetching.knows("first")
    assert list(fetching.keys.believed()) == ["second"]
    assert fetching.noted.read[-1] == (server.place, ["second"])


@pytest_twisted.ensureDeferred
async def test_a_key_that_is_not_known_is_looked_for(fetching: Fetching, server: KeyServer) -> None:
    """At once for the first time, so that a token signed with a new key passes soon."""
    server.answer = answer(key_set(FIRST, SECOND))
    fetching.reactor.clock.advance(PATIENCE)
    assert not fetching.knows("second")
    await until(lambda: fetching.knows("first", "second"))
    assert len(server.heads) == 2


@pytest_twisted.ensureDeferred
async def test_made_up_names_make_no_storm(fetching: Fetching, server: KeyServer) -> None:
    """However many tokens name keys that nobody has: one request in ten seconds."""
    for _ in range(3):
        before = len(server.heads)
        fetching.reactor.clock.advance(PATIENCE / 2)
        assert not any(fetching.knows(f"x{number}") for number in range(100))
        assert not fetching.is_busy
        fetching.reactor.clock.advance(PATIENCE / 2)
        assert not any(fetching.knows(f"x{number}") for number in range(100))
        await until(lambda: not fetching.is_busy)
        assert len(server.heads) == before + 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (answer(b"", b"500 Internal Server Error"), "the answer is 500"),
        (answer(b"", b"302 Found", b"Location: /keys"), "the answer is 302"),
        (answer(b"<html>"), "not a JWK Set: JSON is malformed"),
        (answer(key_set(key("k", "HS256"))), "no key that can be used: it must be for ES256"),
        (answer(key_set(FIRST, public(key("first")))), "two different keys have the name 'first'"),
        (answer(b" " * (MAX_SIZE + 1)), "the answer has more than 65536 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 10 * MAX_SIZE, "the answer has more than 65536 bytes"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_last_good_keys_stay(
    fetching: Fetching, server: KeyServer, content: bytes, why: str
) -> None:
    """Whatever the answer; it is noted, and the connection is not kept."""
    server.answer = content
    fetching.reactor.clock.advance(REFRESH)
    await until(lambda: fetching.noted.not_read)
    ((place, said),) = fetching.noted.not_read
    assert place == server.place
    assert why in said
    assert fetching.knows("first")
    await until(lambda: not server.open)


@pytest.mark.parametrize("content", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
@pytest_twisted.ensureDeferred
async def test_a_server_that_stalls_is_given_up(
    fetching: Fetching, server: KeyServer, content: bytes
) -> None:
    """Before its answer or within it, and its connection is cut off."""
    server.answer = content
    fetching.reactor.clock.advance(REFRESH)
    await until(lambda: len(server.heads) == 2)
    fetching.reactor.clock.advance(5)
    assert fetching.noted.not_read == [(server.place, "no answer within 5 seconds")]
    assert fetching.knows("first")
    await until(lambda: not server.open)


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_away_is_noted_and_found_again(
    fetching: Fetching, server: KeyServer
) -> None:
    """Without anybody's doing."""
    server.port.stopReading()
    fetching.reactor.clock.advance(REFRESH)
    fetching.reactor.clock.advance(5)
    assert fetching.noted.not_read == [(server.place, "no answer within 5 seconds")]
    server.answer = answer(key_set(SECOND))
    server.port.startReading()
    fetching.reactor.clock.advance(REFRESH)
    await until(lambda: fetching.knows("second"))


@pytest_twisted.ensureDeferred
async def test_a_certificate_that_nobody_vouches_for_is_not_believed(server: KeyServer) -> None:
    """By default the authorities of the system count, and this one is not among them."""
    fetching = Fetching(server.place, roots=None)
    await until(lambda: fetching.noted.not_read)
    assert fetching.noted.not_read == [(server.place, "TLS: certificate verify failed")]
    fetching.keys.stopService()
    assert server.heads == []


@pytest_twisted.ensureDeferred
async def test_a_certificate_of_another_name_is_not_believed(server: KeyServer) -> None:
    """It has to be for the host in the URL."""
    url = server.url.replace("localhost", "127.0.0.1")
    fetching = Fetching(url)
    await until(lambda: fetching.noted.not_read)
    fetching.keys.stopService()
    assert server.heads == []


@pytest_twisted.ensureDeferred
async def test_a_server_that_ends_leaves_nothing_behind(server: KeyServer) -> None:
    """Not even a request that has no answer yet."""
    server.answer = b""
    fetching = Fetching(server.url)
    await until(lambda: server.heads)
    fetching.keys.stopService()
    await until(lambda: not server.open)
    assert fetching.noted.not_read == []
    assert not fetching.is_busy
    fetching.reactor.clock.advance(PATIENCE)
    assert not fetching.knows("first")
    assert not fetching.is_busy


# files


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A set with the first key, which everybody may read."""
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set(FIRST))
    return path


def complaint(path: Path) -> str:
    """What stops the start."""
    with pytest.raises(StartError) as caught:
        KeysInFile(path, lambda: 0.0, NotedKeys())
    said = str(caught.value)
    assert said.startswith(f"--jwks: {str(path)!r} ")
    return said.removeprefix(f"--jwks: {str(path)!r} ")


def test_a_file_is_read_again_when_it_changes(file: Path) -> None:
    """At most a second later; when it is damaged, what was good stays."""
    seconds, noted = [0.0], NotedKeys()
    keys = KeysInFile(file, lambda: seconds[0], noted)
    file.write_bytes(key_set(FIRST, SECOND))
    assert keys.find("second") is None
    seconds[0] = 1.0
    assert list(keys.believed()) == ["first", "second"]
    file.write_bytes(b"garbage")
    seconds[0] = 2.0
    assert keys.find("second") is not None
    assert list(keys.believed()) == ["first", "second"]
    assert noted.read == [(str(file), ["first", "second"])]
    assert [place for place, _ in noted.not_read] == [str(file)]


def test_a_secret_in_a_file_is_kept_secret(tmp_path: Path) -> None:
    """One that is shared with another application is read when nobody else can."""
    path = write_secret(tmp_path / "shared.json", key_set(key("k", "HS256")))
    assert KeysInFile(path, lambda: 0.0, NotedKeys()).find("k") is not None
    path.chmod(0o644)
    found = "has secrets that other users can reach (mode 644)"
    assert complaint(path) == f"{found}: run chmod 600 {path}"


def test_a_file_that_cannot_be_used_is_told(file: Path) -> None:
    """With the reason."""
    file.write_bytes(b"{}")
    assert complaint(file).startswith("cannot be used: not a JWK Set: ")
    file.write_bytes(key_set({"kty": "RSA"}))
    assert complaint(file).startswith("cannot be used: no key that can be used: ")
    file.unlink()
    assert complaint(file) == (
        "cannot be read (No such file or directory): give a file with a JWK Set"
    )


# all of them


def all_keys(*places: str) -> OthersKeys:
    """The keys of several places."""
    return OthersKeys(places, TestReactor(), lambda: 0.0, NotedKeys())


def test_keys_of_several_places_are_found(file: Path, tmp_path: Path) -> None:
    """The first place wins."""
    other = tmp_path / "other.json"
    other.write_bytes(key_set(SECOND, public(key("first"))))
    keys = all_keys(str(file), str(other))
    first, second = keys.find("first"), keys.find("second")
    assert first is not None
    assert (
        first.verifying.key
        == KeysInFile(file, lambda: 0.0, NotedKeys()).find("first").verifying.key
    )  # type: ignore[union-attr]
    assert second is not None
    assert keys.find("third") is None
    assert keys.believed() == {"first": first, "second": second}
    assert (all_keys().find("first"), all_keys().believed()) == (None, {})


@pytest.mark.parametrize("place", ["http://login.example/keys", "ftp://x/y"])
def test_keys_from_an_open_line_are_refused(place: str) -> None:
    """Anybody on the way could put theirs in."""
    with pytest.raises(StartError) as caught:
        all_keys(place)
    assert str(caught.value).endswith("anybody on the network could change the keys; use https://")


@pytest.mark.parametrize(
    "place", ["https://", "https:///keys", "https://u:p@h/", "https://h:99999/", "https://ü/"]
)
def test_what_is_no_url_is_refused(place: str) -> None:
    """At the start, not at the first fetch."""
    with pytest.raises(StartError) as caught:
        all_keys(place)
    assert str(caught.value) == f"--jwks: {place!r} is not a URL: use https://HOST/PATH"


@pytest_twisted.ensureDeferred
async def test_places_are_fetched_from_as_long_as_the_service_runs(server: KeyServer) -> None:
    """The service of all starts and stops each."""
    keys = OthersKeys([server.url], reactor, reactor.seconds, noted := NotedKeys())
    keys.startService()
    await until(lambda: noted.not_read)  # the system does not know our authority
    await keys.stopService()
    assert "certificate verify failed" in noted.not_read[0][1]
