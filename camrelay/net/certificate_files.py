"""Reading a certificate and its private key from PEM files, and refusing what clients would.

Whatever is wrong raises StartError with the option that named the file, and what to do.
"""

import os
import shlex
import stat
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from camrelay.core.errors import StartError

ServerKey = EllipticCurvePrivateKey | RSAPrivateKey


def read_chain(path: Path) -> list[x509.Certificate]:
    """The certificates in `path`, in their order; at least one."""
    wanted = "a PEM file with the server's certificate and then its intermediates"
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise _unreadable("--certificate", path, error, wanted) from error
    except ValueError as error:
        remedy = f"holds no certificate that can be read: give {wanted}"
        raise StartError("--certificate", str(path), remedy) from error


def read_key(option: str, path: Path, passphrase: bytes | None) -> ServerKey:
    """The private key in `path`, which `option` named; `passphrase` only matters if it needs one.

    Only ECDSA and RSA: browsers and phones know no other keys in certificates.
    """
    key = _parse_key(option, path, read_private(option, path), passphrase)
    if not isinstance(key, ServerKey):
        remedy = "holds a key that browsers and phones cannot use: give an ECDSA P-256 or RSA key"
        raise StartError(option, str(path), remedy)
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
        remedy = f"holds a private key that others can reach (mode {mode:o}): run {command}"
        raise StartError(option, str(path), remedy)
    return content


def check_pair(option: str, path: Path, chain: list[x509.Certificate], key: ServerKey) -> None:
    """Refuse a chain whose first certificate is not for `key`, read from `path` of `option`."""
    if has_key(chain[0], key):
        return
    for place, certificate in enumerate(chain[1:], start=2):
        if has_key(certificate, key):
            remedy = f"is the key of certificate {place} in --certificate: put that one first"
            raise StartError(option, str(path), remedy)
    remedy = (
        "holds a key that the certificate was not made for: give the pair that was made together"
    )
    raise StartError(option, str(path), remedy)


def has_key(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Whether `certificate` was made for `key`."""
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):  # of a kind that we do not know
        return False


def check_dates(path: Path, leaf: x509.Certificate, now: datetime) -> None:
    """Refuse a server certificate, read from `path`, that clients would refuse at `now`.

    Those further up the chain may have expired: clients look past them when they know another
    way to a root, and certificate authorities rely on that.
    """
    if now >= leaf.not_valid_after_utc:
        remedy = f"expired on {leaf.not_valid_after_utc:%Y-%m-%d}: renew it"
        raise StartError("--certificate", str(path), remedy)
    if now < leaf.not_valid_before_utc:
        since = f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        remedy = f"is not valid before {since}: check the clock of this machine"
        raise StartError("--certificate", str(path), remedy)


def _parse_key(
    option: str, path: Path, content: bytes, passphrase: bytes | None
) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(content, None)
    except TypeError:
        pass  # the documented sign that it is encrypted
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "holds no private key that can be read: give one in PEM with --private-key"
        raise StartError(option, str(path), remedy) from error
    if not passphrase:
        remedy = "is encrypted: name the file with its passphrase in --private-key-passphrase-file"
        raise StartError(option, str(path), remedy)
    try:
        return load_pem_private_key(content, passphrase)
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "does not open with the passphrase in --private-key-passphrase-file: correct it"
        raise StartError(option, str(path), remedy) from error


def _unreadable(option: str, path: Path, error: OSError, wanted: str) -> StartError:
    remedy = f"cannot be read ({error.strerror}): give {wanted}"
    if isinstance(error, PermissionError):
        remedy = f"cannot be read ({error.strerror}): let the user who runs camrelay read it"
    return StartError(option, str(path), remedy)
