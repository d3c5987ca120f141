"""Certificates that clients show (mutual TLS): who is believed, and whom a certificate names."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from OpenSSL.crypto import X509

from camrelay.core.errors import StartError


@dataclass(frozen=True, slots=True)
class ClientAuthorities:
    """Whoever signs the certificates of clients, and whether a client must show one.

    One that is shown is always verified: a client whose certificate is not believed is refused,
    even where it could have come without any.
    """

    certificates: list[x509.Certificate]
    is_required: bool

    @property
    def end(self) -> datetime:
        """When the first of them expires."""
        return min(each.not_valid_after_utc for each in self.certificates)

    def ask_through(self, context: SSL.Context) -> None:
        """Let the connections of `context` ask for a certificate and verify it."""
        store = context.get_cert_store()
        assert store is not None
        for authority in self.certificates:
            store.add_cert(X509.from_cryptography(authority))
            context.add_client_ca(authority)  # so that browsers offer the right ones
        mode = SSL.VERIFY_PEER
        if self.is_required:
            mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        context.set_verify(mode)


def read_authorities(file: Path, is_required: bool) -> ClientAuthorities:
    """What `--client-ca` names: PEM, one certificate or more. Raises StartError otherwise."""
    wanted = "give a PEM file with the authorities that sign your clients' certificates"
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        remedy = f"cannot be read ({error.strerror}): {wanted}"
        raise StartError("--client-ca", str(file), remedy) from error
    except ValueError as error:
        remedy = f"holds no certificate that can be read: {wanted}"
        raise StartError("--client-ca", str(file), remedy) from error
    return ClientAuthorities(found, is_required)


def subject_of(certificate: x509.Certificate) -> str:
    """The name of whoever holds a client's `certificate`; empty when it names nobody.

    It is the first DNS name, e-mail address or URI among the subject alternative names, in the
    certificate's own order (RFC 5280 section 4.2.1.6); a DNS name in lower case, since case means
    nothing there (section 7.2). A certificate that has none of these is known by the common name
    of its subject, if there is exactly one. No RFC says how to name a client; names come before
    the common name because RFC 9525 section 2 says so for servers.

    A name with characters that cannot be printed names nobody, and nothing is looked for behind
    it: a certificate authority that signs such a name has not read it.
    """
    names = _alternative_names(certificate)
    if not names:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = [str(name.value) for name in common] if len(common) == 1 else []
    return names[0] if names and names[0].isprintable() else ""


def subject_at(transport: Any) -> str:
    """Whom the certificate names that the peer of `transport` has shown; empty without one.

    TLS has verified it by the time the first byte of a request can be read.
    """
    ask = getattr(transport, "getPeerCertificate", None)
    shown = None if ask is None else ask()
    return "" if shown is None else subject_of(shown.to_cryptography())


def _alternative_names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    named = (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier)
    return [
        name.value.lower() if isinstance(name, x509.DNSName) else name.value
        for name in found.value
        if isinstance(name, named)
    ]
