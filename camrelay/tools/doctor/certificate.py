"""Certificates in DER, read."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from camrelay.tools.doctor.facts import CertificateFacts

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def read_certificate(der: bytes) -> CertificateFacts:
    """What is in a certificate. Raises ValueError for one that is none."""
    read = x509.load_der_x509_certificate(der)
    algorithm = read.signature_hash_algorithm
    return CertificateFacts(
        subject=read.subject.rfc4514_string(),
        issuer=read.issuer.rfc4514_string(),
        names=_names(read),
        begin=read.not_valid_before_utc,
        end=read.not_valid_after_utc,
        key=_key(read),
        signed_with=algorithm.name if algorithm else "",
    )


def _names(read: x509.Certificate) -> tuple[str, ...]:
    try:
        found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    names = found.get_values_for_type(x509.DNSName)
    return (*names, *map(str, found.get_values_for_type(x509.IPAddress)))


def _key(read: x509.Certificate) -> str:
    key = read.public_key()
    if isinstance(key, EllipticCurvePublicKey):
        return f"ECDSA {_CURVES.get(key.curve.name, key.curve.name)}"
    if isinstance(key, RSAPublicKey):
        return f"RSA {key.key_size}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")
