"""Reading a certificate and its private key from PEM files, and refusing what clients would.

Whatever is wrong raises StartError with the option that named the file, and what to do.
"""

import os
import shlex
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from camrelay.core.errors import StartError

DIRECTORY_OPTION = "--certificate-dir"

ServerKey = EllipticCurvePrivateKey | RSAPrivateKey


@dataclass(frozen=True, slots=True)
class PairFiles:
    """Where a certificate and its key are, and the option that named them.

    `certificate` is PEM: the server's own certificate, then its intermediates; it also holds the
    key when `private_key` is None. A passphrase for a key that needs none does no harm.
    """

    certificate: Path
    private_key: Path | None = None
    passphrase_file: Path | None = None
    option: str = "--certificate"

    @property
    def key_file(self) -> Path:
        """The file that holds the key."""
        return self.private_key or self.certificate

    @property
    def key_option(self) -> str:
        """The option that named the key's file."""
        is_named = self.private_key is not None and self.option != DIRECTORY_OPTION
        return "--private-key" if is_named else self.option

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file there is to read."""
        named = (self.certificate, self.private_key, self.passphrase_file)
        return tuple(file for file in named if file is not None)


def pairs_in(directory: Path, passphrase_file: Path | None = None) -> list[PairFiles]:
    """The pairs that `--certificate-dir` names, in the order of their names; at least one.

    Each is a file NAME.pem, with its key inside or in NAME.key beside it. Names with a dot in
    front are passed over: programs write there what is not finished.
    """
    option = DIRECTORY_OPTION
    try:
        found = sorted(file for file in directory.iterdir() if file.suffix == ".pem")
    except OSError as error:
        remedy = f"cannot be read ({error.strerror}): name a folder with certificates"
        raise StartError(option, str(directory), remedy) from error
    certificates = [file for file in found if not file.name.startswith(".")]
    if not certificates:
        remedy = "holds no certificate: put NAME.pem there, with the key in it or in NAME.key"
        raise StartError(option, str(directory), remedy)
    keys = (file.with_suffix(".key") for file in certificates)
    return [
        PairFiles(certificate, key if key.exists() else None, passphrase_file, option)
        for certificate, key in zip(certificates, keys, strict=True)
    ]


def read_chain(files: PairFiles) -> list[x509.Certificate]:
    """The certificates of a pair, in their order; at least one."""
    path = files.certificate
    wanted = "a PEM file with the server's certificate and then its intermediates"
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise _unreadable(files.option, path, error, wanted) from error
    except ValueError as error:
        remedy = f"holds no certificate that can be read: give {wanted}"
        raise StartError(files.option, str(path), remedy) from error


def read_key(files: PairFiles) -> ServerKey:
    """The private key of a pair; the passphrase only matters if it needs one.

    Only ECDSA and RSA: browsers and phones know no other keys in certificates.
    """
    key = _parse_key(files, read_private(files.key_option, files.key_file))
    if not isinstance(key, ServerKey):
        remedy = "holds a key that browsers and phones cannot use: give an ECDSA P-256 or RSA key"
        raise StartError(files.key_option, str(files.key_file), remedy)
    return key


def read_private(option: str, path: Path) -> bytes:
    """The content of a file that may hold a private key, which `option` named.

    Refused when anybody but the owner may change it, or anybody but owner and group read it.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except OSError as error:
        raise _unreadable(option, path, error, "a PEM file that holds the private key") from error
    if mode & 0o037 and b"PRIVATE KEY-----" in content:
        command = f"chmod 640 {shlex.quote(str(path))}"
        remedy = f"has a private key that other users can reach (mode {mode:o}): run {command}"
        raise StartError(option, str(path), remedy)
    return content


def check_pair(files: PairFiles, chain: list[x509.Certificate], key: ServerKey) -> None:
    """Refuse a chain whose first certificate is not for `key`."""
    if has_key(chain[0], key):
        return
    option, path = files.key_option, str(files.key_file)
    for place, certificate in enumerate(chain[1:], start=2):
        if has_key(certificate, key):
            remedy = f"is the key of certificate {place} in {files.option}: put that one first"
            raise StartError(option, path, remedy)
    remedy = (
        "holds a key that the certificate was not made for: give the pair that was made together"
    )
    raise StartError(option, path, remedy)


def has_key(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Whether `certificate` was made for `key`."""
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):  # of a kind that we do not know
        return False


def check_dates(files: PairFiles, leaf: x509.Certificate, now: datetime) -> None:
    """Refuse a server certificate that clients would refuse at `now`.

    Those further up the chain may have expired: clients look past them when they know another
    way to a root, and certificate authorities rely on that.
    """
    path = str(files.certificate)
    if now >= leaf.not_valid_after_utc:
        remedy = f"expired on {leaf.not_valid_after_utc:%Y-%m-%d}: renew it"
        raise StartError(files.option, path, remedy)
    if now < leaf.not_valid_before_utc:
        since = f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        remedy = f"is not valid before {since}: check the clock of this machine"
        raise StartError(files.option, path, remedy)


def _parse_key(files: PairFiles, content: bytes) -> PrivateKeyTypes:
    option, path = files.key_option, str(files.key_file)
    try:
        return _load_key(content, None)
    except TypeError:
        pass  # the documented sign that it is encrypted
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "holds no private key that can be read: give one in PEM with --private-key"
        if files.option == DIRECTORY_OPTION:
            beside = files.certificate.with_suffix(".key").name
            remedy = f"holds no private key that can be read: add it, or put {beside} beside it"
        raise StartError(option, path, remedy) from error
    passphrase = _read_passphrase(files.passphrase_file)
    if not passphrase:
        remedy = "is encrypted: name the file with its passphrase in --private-key-passphrase-file"
        raise StartError(option, path, remedy)
    try:
        return _load_key(content, passphrase)
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "does not open with the passphrase in --private-key-passphrase-file: correct it"
        raise StartError(option, path, remedy) from error


def _load_key(content: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    """Without the proof that an RSA key's primes are prime: the owner made it, and it takes 80 ms.

    All connections wait while a key is read again.
    """
    return load_pem_private_key(content, passphrase, unsafe_skip_rsa_key_validation=True)


def _read_passphrase(file: Path | None) -> bytes:
    if file is None:
        return b""
    try:
        return file.read_bytes().strip()
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}"
        raise StartError("--private-key-passphrase-file", str(file), remedy) from error


def _unreadable(option: str, path: Path, error: OSError, wanted: str) -> StartError:
    remedy = f"cannot be read ({error.strerror}): give {wanted}"
    if isinstance(error, PermissionError):
        remedy = f"cannot be read ({error.strerror}): let the user who runs camrelay read it"
    return StartError(option, str(path), remedy)
