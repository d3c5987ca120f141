"""Clients with which TLS cannot be agreed on: the log tells what to change."""

import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from tests.support.server import Server, start_relay

SECONDS_TO_WAIT = 10.0
UNTRUSTED = "the client does not trust the certificate: see docs/tls.md"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A relay with a development certificate that asks clients for theirs, but needs none."""
    directory = tmp_path_factory.mktemp("relay")
    clients = directory / "clients.pem"
    trustme.CA().cert_pem.write_to_path(str(clients))
    options = ("--client-ca", str(clients), "--client-certificate", "optional")
    with start_relay(directory, "--tls", *options) as server:
        yield server


def context(version: ssl.TLSVersion, authority: Path | None, suites: str) -> ssl.SSLContext:
    """A client that knows one version only."""
    made = ssl.create_default_context(cafile=authority)
    made.set_ciphers(f"{suites}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1, on purpose
        made.minimum_version = made.maximum_version = version
    return made


def visit(server: Server, last_byte: int, client: ssl.SSLContext | None) -> str:
    """Fail to make a handshake, from an address of its own; what the log says about it.

    Of many refusals to one address the log tells only the first.
    """
    address = f"127.0.1.{last_byte}"
    plain = socket.create_connection(
        ("127.0.0.1", server.port), SECONDS_TO_WAIT, source_address=(address, 0)
    )
    with plain, suppress(OSError):
        if client is None:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            plain.recv(1)
        else:
            with client.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                connection.recv(1)
    found = server.wait_for_log(
        rf"connection denied 400 from {address}:[0-9]+ as [0-9a-f]+-c[0-9]+: (.*)"
    )
    return found[1]


@pytest.mark.parametrize(
    ("version", "last_byte"), [(ssl.TLSVersion.TLSv1_2, 12), (ssl.TLSVersion.TLSv1_3, 13)]
)
def test_a_client_that_does_not_know_the_authority(
    server: Server, version: ssl.TLSVersion, last_byte: int
) -> None:
    """The first thing that goes wrong on everybody's first afternoon."""
    assert visit(server, last_byte, context(version, None, "ALL")) == UNTRUSTED


def test_a_client_that_is_too_old(server: Server) -> None:
    """Nothing before TLS 1.2."""
    client = context(ssl.TLSVersion.TLSv1_1, server.authority, "ALL")
    assert visit(server, 1, client) == "the client supports neither TLS 1.2 nor 1.3"


def test_a_client_without_a_good_suite(server: Server) -> None:
    """Nothing with CBC."""
    client = context(ssl.TLSVersion.TLSv1_2, server.authority, "ECDHE-ECDSA-AES128-SHA")
    why = "the client supports none of the cipher suites in docs/tls.md"
    assert visit(server, 2, client) == why


def test_a_client_without_tls(server: Server) -> None:
    """ws:// where wss:// was meant."""
    assert visit(server, 3, None).endswith("to a port with TLS: use https:// or wss://")


def test_a_client_with_the_wrong_certificate(server: Server) -> None:
    """Signed by somebody else."""
    client = context(ssl.TLSVersion.TLSv1_3, server.authority, "ALL")
    trustme.CA().issue_cert("kiosk7.example").configure_cert(client)
    assert visit(server, 4, client) == "the client's certificate is not signed by --client-ca"


def test_a_client_that_only_goes_away_is_not_told(server: Server) -> None:
    """Port scanners and load balancers do it all day."""
    address = ("127.0.1.5", 0)
    where = ("127.0.0.1", server.port)
    socket.create_connection(where, SECONDS_TO_WAIT, source_address=address).close()
    with socket.create_connection(where, SECONDS_TO_WAIT, source_address=address) as connection:
        connection.sendall(b"\x16\x03\x01")
    visit(server, 6, None)
    assert "127.0.1.5" not in server.log
