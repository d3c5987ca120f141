"""What a certificate authority for development signs, and what it may sign.

What somebody who stole its key could do is kept small: it signs no other authority, and DNS names
only if they are this machine's or exist in no public DNS (RFC 5280 section 4.2.1.10).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3652)
LEAF_LIFE = timedelta(days=397)  # phones refuse server certificates that live much longer
BACKDATED = timedelta(days=1)  # clocks of phones and headsets are slow at times

# Zones that no public DNS serves: RFC 6761, 6762 and 8375, ICANN's `internal`, routers' `lan`.
_PRIVATE_ZONES = ["localhost", "local", "lan", "home.arpa", "internal", "test"]
_EVERY_ADDRESS = [ip_network("0.0.0.0/0"), ip_network("::/0")]


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that we can sign with."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_authority(names: list[str], now: datetime) -> Authority:
    """A new authority, good for ten years, that may sign `names` and names of private zones."""
    key = ec.generate_private_key(ec.SECP256R1())
    dns = [name.value for name in map(_general_name, names) if isinstance(name, x509.DNSName)]
    host = next((name for name in dns if name != "localhost"), "localhost")
    # At most 64 characters: RFC 5280 appendix A.1.
    name = _name(f"camrelay development CA ({host[:26]}, {now:%Y-%m-%d})")
    begin = now - BACKDATED
    constraints = x509.NameConstraints(
        permitted_subtrees=[
            *(x509.DNSName(zone) for zone in dict.fromkeys([*dns, *_PRIVATE_ZONES])),
            *(x509.IPAddress(network) for network in _EVERY_ADDRESS),
        ],
        excluded_subtrees=None,
    )
    certificate = (
        _builder(key, begin, begin + AUTHORITY_LIFE)
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        # RFC 5280 wants it critical, but mbedTLS, on which Unity's TLS is built, cannot read such
        # a certificate (Mbed-TLS/mbedtls#8759). Who knows the extension obeys it either way.
        .add_extension(constraints, critical=False)
        .sign(key, SHA256())
    )
    return Authority(certificate, key)


def subject_names(names: list[str], authority: x509.Certificate) -> list[x509.GeneralName]:
    """`names` as a certificate says them, without those that `authority` may not sign."""
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    zones = [zone.value for zone in constraints.permitted_subtrees or []]
    return [
        name
        for name in map(_general_name, names)
        if not isinstance(name, x509.DNSName)
        or any(f".{name.value}".endswith(f".{zone}") for zone in zones)
    ]


def make_leaf(
    key: ec.EllipticCurvePrivateKey,
    authority: Authority,
    names: list[x509.GeneralName],
    now: datetime,
) -> x509.Certificate:
    """A server certificate for `key` that says `names`, good for 397 days."""
    begin = now - BACKDATED
    # The last second counts as part of the life (RFC 5280 section 4.1.2.5).
    end = begin + LEAF_LIFE - timedelta(seconds=1)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return (
        _builder(key, begin, min(end, authority.certificate.not_valid_after_utc))
        .subject_name(_name("camrelay development certificate"))
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority.key, SHA256())
    )


def _builder(
    key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    public_key = key.public_key()
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .public_key(public_key)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
