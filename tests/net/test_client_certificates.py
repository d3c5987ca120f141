"""Certificates of clients: whom one names."""

import datetime
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from camrelay.net.client_certificates import subject_of

KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.datetime.now(datetime.UTC)
DNS = x509.DNSName("Kiosk7.Example.org")
MAIL = x509.RFC822Name("Anna@example.org")
SPIFFE = x509.UniformResourceIdentifier("spiffe://example.org/kiosk/7")
DIRECTORY = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kiosk")]))
ADDRESS = x509.IPAddress(ip_address("192.0.2.7"))


def certificate(common_names: list[str], *alternatives: x509.GeneralName) -> x509.Certificate:
    """A certificate that says these names."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each) for each in common_names])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + datetime.timedelta(days=1))
        .public_key(KEY.public_key())
    )
    if alternatives:
        names = x509.SubjectAlternativeName(alternatives)
        builder = builder.add_extension(names, critical=not common_names)
    return builder.sign(KEY, SHA256())


@pytest.mark.parametrize(
    ("alternatives", "subject"),
    [
        ([DNS, MAIL], "kiosk7.example.org"),
        ([MAIL, DNS], "Anna@example.org"),
        ([SPIFFE, DNS], "spiffe://example.org/kiosk/7"),
        ([ADDRESS, DIRECTORY, MAIL], "Anna@example.org"),
    ],
    ids=["a host", "a person", "a workload", "behind names of other kinds"],
)
def test_the_first_alternative_name_counts(
    alternatives: list[x509.GeneralName], subject: str
) -> None:
    """Whatever the common name says; addresses and directory names are no names of clients."""
    assert subject_of(certificate(["somebody else"], *alternatives)) == subject


@pytest.mark.parametrize("alternatives", [[], [ADDRESS]], ids=["none", "an address only"])
def test_a_certificate_without_alternative_names_is_known_by_its_common_name(
    alternatives: list[x509.GeneralName],
) -> None:
    """As those are that people make with two lines of openssl."""
    assert subject_of(certificate(["Kiosk 7"], *alternatives)) == "Kiosk 7"


@pytest.mark.parametrize("common_names", [[], ["Anna", "Ben"]], ids=["none", "two"])
def test_a_common_name_must_be_the_only_one(common_names: list[str]) -> None:
    """Nobody is named by nothing, and nobody by two names."""
    assert subject_of(certificate(common_names)) == ""


@pytest.mark.parametrize("name", ["anna\0", "an\nna", "anna\u202e"])
def test_a_name_that_cannot_be_printed_names_nobody(name: str) -> None:
    """It would look like another one in a log, and what reads C strings would cut it."""
    assert subject_of(certificate([name])) == ""
