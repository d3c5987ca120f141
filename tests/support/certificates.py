"""Certificates on disk as operators have them, and clients that look at what they are shown.

shop = Shop(directory)
file = shop.issue("relay.example.org")
with start_relay(directory, "--tls", "--certificate", str(file)) as server:
    assert shown(server.port, "relay.example.org") == serial_in(file)
"""

import socket
import ssl
from datetime import datetime
from pathlib import Path

import trustme
from cryptography import x509

SECONDS_TO_WAIT = 10.0
AUTHORITY = trustme.CA()


def issue(
    file: Path,
    *names: str,
    authority: trustme.CA = AUTHORITY,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> Path:
    """A certificate for `names` with its key in `file`, which appears whole."""
    leaf = authority.issue_cert(*names, not_before=not_before, not_after=not_after)
    write(file, leaf.private_key_and_cert_chain_pem.bytes())
    return file


def write(file: Path, content: bytes) -> None:
    """Put a file with this content in the place of what is there."""
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(content)
    new.chmod(0o600)
    new.replace(file)


def serial_in(file: Path) -> int:
    """The serial number of the first certificate in `file`."""
    return x509.load_pem_x509_certificates(file.read_bytes())[0].serial_number


def serial_shown(port: int, name: str | None = "localhost") -> int:
    """The serial number of the certificate that a client gets who asks for `name`."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", port), SECONDS_TO_WAIT)
    with plain, context.wrap_socket(plain, server_hostname=name) as connection:
        shown = connection.getpeercert(binary_form=True)
    assert shown
    return x509.load_der_x509_certificate(shown).serial_number
