"""Which certificate is for which name."""

import pytest
import trustme
from cryptography import x509

from camrelay.net.server_names import ByName, names_in

HOSTS = ByName(
    [
        ("first", ["a.example", "b.example"]),
        ("second", ["b.example", "c.example"]),
        ("wild", ["*.example", "*.deep.example"]),
    ]
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.example", "first"),
        ("c.example", "second"),
        ("C.EXAMPLE", "second"),
        ("b.example", "first"),
        ("d.example", "wild"),
        ("d.deep.example", "wild"),
        ("deep.example", "wild"),
        ("e.d.example", "first"),
        ("example", "first"),
        ("", "first"),
        (".example", "wild"),
        ("\udcff\x00", "first"),
    ],
)
def test_a_name_finds_its_certificate(name: str, found: str) -> None:
    """The exact one, then a wildcard for one label, then the first there is."""
    assert HOSTS.find(name) == found


def test_a_certificate_is_for_its_alternative_names() -> None:
    """In lower case; addresses are no names, and the common name is none any more."""
    pem = trustme.CA().issue_cert("Relay.Example", "*.example", "192.0.2.7", common_name="cn.test")
    leaf = x509.load_pem_x509_certificate(pem.cert_chain_pems[0].bytes())
    assert names_in(leaf) == ["relay.example", "*.example"]


def test_a_certificate_may_be_for_nothing() -> None:
    """Then it is shown to those only who ask for nothing else."""
    assert names_in(x509.load_pem_x509_certificate(trustme.CA().cert_pem.bytes())) == []
