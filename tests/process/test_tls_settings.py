"""Settings for TLS, as the operator and the clients meet them."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from camrelay.net.development_ca import development_certificate
from tests.conftest import StartRelay
from tests.support.certificates import AUTHORITY, issue, serial_in, serial_shown
from tests.support.process import Process
from tests.support.server import Server, clean_environment, relay_command, start_relay
from tests.support.wire import handshake

SECONDS_TO_WAIT = 10.0
CLIENTS = trustme.CA()
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A certificate for localhost, with its key."""
    return issue(tmp_path / "relay.pem", "localhost")


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    """The file of the authority that signs the certificates of clients."""
    file = tmp_path / "clients.pem"
    CLIENTS.cert_pem.write_to_path(str(file))
    return file


def client(
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, leaf: trustme.LeafCert | None = None
) -> ssl.SSLContext:
    """A client that shows a certificate, or none."""
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    AUTHORITY.configure_trust(context)
    if leaf is not None:
        leaf.configure_cert(context)
    return context


def ask(server: Server, context: ssl.SSLContext, request: bytes) -> bytes:
    """The beginning of the answer to a request."""
    plain = socket.create_connection(("127.0.0.1", server.port), SECONDS_TO_WAIT)
    with plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(request)
        return connection.recv(4096)


def join(server: Server, context: ssl.SSLContext) -> bytes:
    """The answer to a WebSocket handshake."""
    return ask(server, context, handshake("/ws/chat/hall", port=server.port))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_with_a_certificate_comes_in(
    relay_with: StartRelay, file: Path, clients: Path, version: ssl.TLSVersion
) -> None:
    """One that is signed by --client-ca."""
    server = relay_with("--tls", "--certificate", str(file), "--client-ca", str(clients))
    leaf = CLIENTS.issue_cert("kiosk7.example")
    assert join(server, client(version, leaf)).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "leaf", [None, trustme.CA().issue_cert("kiosk7.example")], ids=["none", "of somebody else"]
)
def test_a_client_without_a_good_certificate_stays_out(
    relay_with: StartRelay,
    file: Path,
    clients: Path,
    version: ssl.TLSVersion,
    leaf: trustme.LeafCert | None,
) -> None:
    """In TLS 1.3 it believes at first that it is in, but gets no answer."""
    server = relay_with("--tls", "--certificate", str(file), "--client-ca", str(clients))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        join(server, client(version, leaf))
    server.wait_for_log(r"(sent no certificate: see|certificate is not signed by) --client-ca")
    assert "connect /ws/chat/hall" not in server.log


def test_a_certificate_may_be_optional(relay_with: StartRelay, file: Path, clients: Path) -> None:
    """Clients without one come in; one that is shown must be good all the same."""
    options = ("--client-ca", str(clients), "--client-certificate", "optional")
    server = relay_with("--tls", "--certificate", str(file), *options)
    assert join(server, client()).startswith(b"HTTP/1.1 101 ")
    leaf = CLIENTS.issue_cert("kiosk7.example")
    assert join(server, client(leaf=leaf)).startswith(b"HTTP/1.1 101 ")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        join(server, client(leaf=trustme.CA().issue_cert("kiosk7.example")))


def test_every_host_of_a_folder_asks_for_certificates(
    relay_with: StartRelay, tmp_path: Path, clients: Path
) -> None:
    """There is no way in by another name."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name in ("a", "localhost"):
        issue(folder / f"{name}.pem", name)
    server = relay_with("--tls", "--certificate-dir", str(folder), "--client-ca", str(clients))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        join(server, client())
    assert join(server, client(leaf=CLIENTS.issue_cert("me"))).startswith(b"HTTP/1.1 101 ")


def test_a_folder_of_certificates_needs_no_other(relay_with: StartRelay, tmp_path: Path) -> None:
    """Nothing is made for development then; the log says what is for whom."""
    for name in ("a.example", "b.example"):
        issue(tmp_path / f"{name}.pem", name)
    server = relay_with("--tls", "--certificate-dir", str(tmp_path))
    assert "authority" not in server.log
    for name in ("a.example", "b.example"):
        server.wait_for_log(rf"certificate {tmp_path / name}\.pem for {name} until ")
        assert serial_shown(server.port, name) == serial_in(tmp_path / f"{name}.pem")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--certificate-dir", "here"), "--certificate-dir: 'here' is given, but nothing serves"),
        (("--client-ca", "ca.pem"), "--client-ca: 'ca.pem' is given, but nothing serves TLS"),
        (("--tls", "--client-ca", "ca.pem"), "ca.pem' cannot be read (No such file"),
        (("--tls", "--client-certificate", "optional"), "'optional' needs an authority"),
        (("--tls", "--private-key", "key.pem"), "'key.pem' belongs to a certificate: name that"),
        (("--client-certificate", "perhaps"), "is not allowed, use optional or required"),
    ],
)
def test_what_does_not_go_together_stops_the_start(
    tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    """One line, with the remedy."""
    command = relay_command(tmp_path, *options)
    with Process(command, tmp_path, clean_environment()) as process:
        assert process.wait() == 1
        assert says in process.log
        assert "Traceback" not in process.log


@pytest.fixture
def secure_and_plain(tmp_path: Path, file: Path) -> Iterator[Server]:
    """A relay with a certificate of the operator's, on a TLS port and on a plain one."""
    listeners = ("--listen", "tls+tcp:0", "--listen", "tcp:0")
    with start_relay(tmp_path, *listeners, "--certificate", str(file)) as server:
        server.wait_for_log("open http://localhost")
        yield server


def page_head(port: int, context: ssl.SSLContext | None) -> str:
    """The head of the answer to a request for the front page, in lower case."""
    with socket.create_connection(("127.0.0.1", port), SECONDS_TO_WAIT) as connection:
        if context is not None:
            connection = context.wrap_socket(connection, server_hostname="localhost")
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.makefile("rb").read().partition(b"\r\n\r\n")[0].decode().lower()


def test_browsers_are_told_to_come_with_tls_only(secure_and_plain: Server) -> None:
    """Over TLS, where nobody can have put it there (RFC 6797 section 7.2)."""
    ports = dict(secure_and_plain.ports())
    strict = "strict-transport-security: max-age=63072000"
    assert strict in page_head(ports["https"], client()).splitlines()
    assert strict not in page_head(ports["http"], None)


def test_a_development_certificate_binds_nobody(tmp_path: Path) -> None:
    """Who trusts it no more could not open localhost for years."""
    made = development_certificate(tmp_path / "data", ["localhost"])
    context = ssl.create_default_context(cafile=made.authority)
    named = ("--certificate", str(made.certificate), "--private-key", str(made.private_key))
    for options in ((), named):  # so it reaches a worker
        with start_relay(tmp_path, "--tls", *options) as server:
            assert "strict-transport-security" not in page_head(server.port, context)
