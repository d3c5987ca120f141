"""A certificate for development: made once, renewed by itself, trusted by installing one file.

A certificate authority (CA) of this machine signs a certificate (leaf) for the machine's names.
Phones and browsers are told to trust the CA; they keep trusting when the leaf changes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from camrelay.core.errors import StartError
from camrelay.files import turn, write_whole
from camrelay.net.authority import Authority, make_authority, make_leaf, subject_names
from camrelay.net.certificate_files import has_key, read_private

RENEW_BEFORE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class DevelopmentCertificate:
    """Where the files are, all of them PEM.

    `certificate` holds the leaf and then the CA. Unity clients pin the key of the leaf, which
    stays the same. `authority` is the CA alone, to be installed; its name suits Android's raw
    resources and the certificate stores of all systems. `fingerprint` is the CA's SHA-256 in
    the form `AB:CD:...`.
    """

    certificate: Path
    private_key: Path
    authority: Path
    fingerprint: str


def development_certificate(
    data_dir: Path, names: list[str], *, now: datetime | None = None
) -> DevelopmentCertificate:
    """Find the certificate for `names` (DNS names and IP addresses) in `data_dir`, or make it.

    The CA is made once. The leaf is made again when it expires within 14 days or says other
    names. DNS names that the CA may not sign, since the machine was renamed, are left out.

    Processes that start together take turns, by a lock on a file in `data_dir`. Files appear
    whole, by rename, and the leaf's key never changes: certificate and key fit at any moment.

    `now` is the time to judge by, the system's when None. Raises StartError when `data_dir`
    cannot be written, when others can read a key in it, or when the CA in it is damaged.
    """
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    data_dir = data_dir.absolute()
    authority_file = data_dir / "camrelay_development_ca.crt"
    leaf_file = leaf_in(data_dir)
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with turn(data_dir / "camrelay_development.lock"):
            authority = _find_authority(authority_file, names, now)
            _find_leaf(leaf_file, authority, names, now)
    except OSError as error:
        remedy = f"cannot hold the certificate ({error.strerror}): name a folder we can write to"
        raise StartError("--data-dir", str(data_dir), remedy) from error
    fingerprint = authority.certificate.fingerprint(SHA256()).hex(":").upper()
    return DevelopmentCertificate(leaf_file, _key_file(leaf_file), authority_file, fingerprint)


def leaf_in(data_dir: Path) -> Path:
    """Where the certificate is, or will be."""
    return data_dir.absolute() / "camrelay_development.crt"


def _find_authority(file: Path, names: list[str], now: datetime) -> Authority:
    if file.exists():
        authority = _read_authority(file)
        if _is_current(authority.certificate, now):
            return authority
        file.unlink()  # first: a key without certificate is one that was not finished
    authority = make_authority(names, now)
    write_whole(_key_file(file), _key_pem(authority.key), 0o600)
    write_whole(file, authority.certificate.public_bytes(Encoding.PEM), 0o644)
    return authority


def _read_authority(file: Path) -> Authority:
    certificate, key = _read_certificates(file), _read_key(_key_file(file))
    if len(certificate) == 1 and key is not None and has_key(certificate[0], key):
        return Authority(certificate[0], key)
    remedy = (
        f"and {_key_file(file).name} beside it are not a whole CA: put them back,"
        " or delete both and trust the new CA on every device"
    )
    raise StartError("--data-dir", str(file), remedy)


def _find_leaf(file: Path, authority: Authority, names: list[str], now: datetime) -> None:
    key = _read_key(_key_file(file))
    if key is None:
        key = ec.generate_private_key(ec.SECP256R1())
        write_whole(_key_file(file), _key_pem(key), 0o600)
    wanted = subject_names(names, authority.certificate)
    chain = _read_certificates(file)
    if chain[1:] == [authority.certificate] and _is_good_leaf(chain[0], key, wanted, now):
        return
    leaf = make_leaf(key, authority, wanted, now)
    pem = [certificate.public_bytes(Encoding.PEM) for certificate in (leaf, authority.certificate)]
    write_whole(file, b"".join(pem), 0o644)


def _is_good_leaf(
    leaf: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    wanted: list[x509.GeneralName],
    now: datetime,
) -> bool:
    says = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return has_key(leaf, key) and set(says) == set(wanted) and _is_current(leaf, now)


def _is_current(certificate: x509.Certificate, now: datetime) -> bool:
    end = certificate.not_valid_after_utc - RENEW_BEFORE
    return certificate.not_valid_before_utc <= now < end


def _key_file(certificate_file: Path) -> Path:
    return certificate_file.with_suffix(".key")


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_key(file: Path) -> ec.EllipticCurvePrivateKey | None:
    """The key in `file`; None when there is none or it cannot be used."""
    if not file.exists():
        return None
    try:
        key = load_pem_private_key(read_private("--data-dir", file), None)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _read_certificates(file: Path) -> list[x509.Certificate]:
    """The certificates in `file`; none when it is missing or damaged."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return []
