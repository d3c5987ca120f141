"""The files that TLS starts with: what is taken, and how everything else is refused."""

import datetime
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from camrelay.core.errors import StartError
from camrelay.net.certificate_files import PairFiles
from camrelay.net.tls import load_certificate

AUTHORITY = trustme.CA()
PASSPHRASE = b"open sesame"
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
NOBODY = 65534


class Files:
    """A certificate and its key in PEM files, and more files made of them."""

    def __init__(self, directory: Path) -> None:
        """Write into `directory`."""
        self.directory = directory
        self.leaf = AUTHORITY.issue_cert("localhost")
        self.chain_pem = b"".join(blob.bytes() for blob in self.leaf.cert_chain_pems)
        self.key_pem = self.leaf.private_key_pem.bytes()
        self.certificate = self.write("cert.pem", self.chain_pem, 0o644)
        self.key = self.write("key.pem", self.key_pem)

    def write(self, name: str, content: bytes, mode: int = 0o600) -> Path:
        """A file with this content."""
        file = self.directory / name
        file.write_bytes(content)
        file.chmod(mode)
        return file

    def encrypted_key(self) -> Path:
        """The key, encrypted with PASSPHRASE."""
        key = load_pem_private_key(self.key_pem, None)
        encryption = BestAvailableEncryption(PASSPHRASE)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        return self.write("encrypted.pem", pem)

    def passphrase(self, content: bytes = PASSPHRASE) -> Path:
        """A file with a passphrase."""
        return self.write("passphrase", content + b"\n")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A good certificate and its key."""
    return Files(tmp_path)


@pytest.fixture
def closed_file(files: Files) -> Iterator[Path]:
    """A file that this process may not read, even when it is root's."""
    files.certificate.chmod(0)
    user = os.geteuid()
    os.seteuid(user or NOBODY)
    yield files.certificate
    os.seteuid(user)


def complaint(
    certificate: Path, private_key: Path | None = None, passphrase: Path | None = None
) -> str:
    """The one line with which these files are refused."""
    return complaint_about(PairFiles(certificate, private_key, passphrase))


def complaint_about(files: PairFiles) -> str:
    """The one line with which they are refused."""
    with pytest.raises(StartError) as refusal:
        load_certificate(files)
    line = str(refusal.value)
    assert "\n" not in line
    return line


def test_key_and_certificate_may_share_a_file(files: Files) -> None:
    """Without --private-key the key is looked for beside the certificate, in any order."""
    both = files.write("both.pem", files.key_pem + files.chain_pem)
    assert (
        load_certificate(PairFiles(both)).leaf
        == load_certificate(PairFiles(files.certificate, files.key)).leaf
    )


def test_an_encrypted_key_opens_with_its_passphrase(files: Files) -> None:
    """The passphrase is only ever read from a file of its own."""
    assert load_certificate(PairFiles(files.certificate, files.encrypted_key(), files.passphrase()))


def test_a_passphrase_that_is_not_needed_does_no_harm(files: Files) -> None:
    """A key that was encrypted yesterday and is not today must not keep the server down."""
    assert load_certificate(PairFiles(files.certificate, files.key, files.passphrase()))


def test_the_parameters_that_openssl_writes_before_an_ec_key_are_skipped(files: Files) -> None:
    """`openssl ecparam -genkey` puts an EC PARAMETERS block above the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    block = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    line = complaint(files.certificate, files.write("ecparam.pem", block + pem))
    assert "was not made for" in line  # it was read, and is only not the right one


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_key_may_be_read_by_owner_and_group(files: Files, mode: int) -> None:
    """A group that may read the key is how services share one."""
    files.key.chmod(mode)
    assert load_certificate(PairFiles(files.certificate, files.key))


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o602, 0o777])
def test_a_key_that_others_reach_is_refused_until_the_command_was_run(
    files: Files, mode: int
) -> None:
    """Others must not read it, nor the group change it; the message has the command that helps."""
    key = files.write("my key.pem", files.key_pem, mode)
    line = complaint(files.certificate, key)
    assert line.startswith(f"--private-key: '{key}' has a private key that other users can reach")
    subprocess.run(shlex.split(line.rpartition(": run ")[2]), check=True)
    assert load_certificate(PairFiles(files.certificate, key))


def test_permissions_matter_in_a_file_that_holds_both(files: Files) -> None:
    """A certificate may be read by all, but not with the key in the same file."""
    both = files.write("both.pem", files.chain_pem + files.key_pem, 0o644)
    assert complaint(both).startswith(f"--certificate: '{both}' has a private key that other")


@pytest.mark.parametrize("name", ["missing.pem", "."])
def test_a_certificate_that_cannot_be_read_is_refused(files: Files, name: str) -> None:
    """The message says why, and what the file should have been."""
    line = complaint(files.directory / name, files.key)
    assert line.startswith("--certificate: ")
    assert "cannot be read (" in line
    assert "give a PEM file with the server's certificate" in line


@pytest.mark.parametrize("name", ["missing.pem", "."])
def test_a_key_that_cannot_be_read_is_refused(files: Files, name: str) -> None:
    """The option that named the key is the one that is blamed."""
    line = complaint(files.certificate, files.directory / name)
    assert line.startswith("--private-key: ")
    assert "cannot be read (" in line


def test_a_file_without_permission_is_not_called_a_wrong_file(closed_file: Path) -> None:
    """The remedy is a permission, not another file."""
    line = complaint(closed_file)
    assert line.endswith("(Permission denied): let the user who runs camrelay read it")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x30\x82\x01\x0a", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ids=["empty", "DER", "junk"],
)
def test_a_file_without_certificate_is_refused(files: Files, content: bytes) -> None:
    """Only PEM is read."""
    line = complaint(files.write("wrong.pem", content), files.key)
    assert line.startswith("--certificate: ")
    assert "holds no certificate that can be read: give a PEM file" in line


@pytest.mark.parametrize(
    "content",
    [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
    ids=["empty", "junk"],
)
def test_a_file_without_key_is_refused(files: Files, content: bytes) -> None:
    """The message names the file that should have held it."""
    key = files.write("wrong.pem", content)
    assert f"--private-key: '{key}' holds no private key" in complaint(files.certificate, key)


def test_a_forgotten_private_key_is_asked_for(files: Files) -> None:
    """A certificate alone, as everybody may read it, leads to --private-key."""
    line = complaint(files.certificate)
    assert line.startswith("--certificate: ")
    assert line.endswith(
        "holds no private key that can be read: give one in PEM with --private-key"
    )


def test_the_key_of_another_certificate_is_refused(files: Files) -> None:
    """OpenSSL would only notice when the first client comes."""
    other = AUTHORITY.issue_cert("localhost").private_key_pem.bytes()
    line = complaint(files.certificate, files.write("other.pem", other))
    assert line.startswith("--private-key: ")
    assert "holds a key that the certificate was not made for" in line


def test_a_chain_in_the_wrong_order_is_refused(files: Files) -> None:
    """Clients take the first certificate for the server's."""
    backwards = AUTHORITY.cert_pem.bytes() + files.chain_pem
    line = complaint(files.write("backwards.pem", backwards), files.key)
    assert "is the key of certificate 2 in --certificate: put that one first" in line


def test_an_encrypted_key_needs_a_passphrase(files: Files) -> None:
    """The message names the option that brings it."""
    line = complaint(files.certificate, files.encrypted_key())
    assert line.startswith("--private-key: ")
    assert (
        "is encrypted: name the file with its passphrase in --private-key-passphrase-file" in line
    )


def test_a_wrong_passphrase_is_refused(files: Files) -> None:
    """And not shown."""
    line = complaint(files.certificate, files.encrypted_key(), files.passphrase(b"swordfish"))
    assert "does not open with the passphrase in --private-key-passphrase-file" in line
    assert "swordfish" not in line


@pytest.mark.parametrize(
    ("begin", "end", "says"),
    [
        (NOW - 9 * DAY, NOW - DAY, f"expired on {NOW - DAY:%Y-%m-%d}: renew it"),
        (NOW + DAY, NOW + 9 * DAY, f"is not valid before {NOW + DAY:%Y-%m-%d %H:%M} UTC: check"),
    ],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_that_clients_would_refuse_today_is_refused(
    files: Files, begin: datetime.datetime, end: datetime.datetime, says: str
) -> None:
    """Better one line at the start than a thousand phones that cannot connect."""
    leaf = AUTHORITY.issue_cert("localhost", not_before=begin, not_after=end)
    line = complaint(files.write("dated.pem", leaf.private_key_and_cert_chain_pem.bytes()))
    assert line.startswith("--certificate: ")
    assert says in line


def test_a_key_that_openssl_finds_weak_is_refused(files: Files) -> None:
    """RSA keys below 2048 bits are no longer taken by anybody."""
    key = rsa.generate_private_key(65537, 1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both = files.write("weak.pem", certificate.public_bytes(Encoding.PEM) + pem)
    assert "is refused by OpenSSL (ee key too small): get one with" in complaint(both)


def test_a_kind_of_key_that_phones_do_not_know_is_refused(files: Files) -> None:
    """Ed25519 works with OpenSSL, but with no browser and no Android."""
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    line = complaint(files.certificate, files.write("ed25519.pem", pem))
    assert "browsers and phones cannot use: give an ECDSA P-256 or RSA key" in line
