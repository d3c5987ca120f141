"""TLS handshakes as different clients make them, with Python's ssl."""

import socket
import ssl
import warnings
from pathlib import Path
from typing import NamedTuple

from camrelay.core.errors import StartError
from camrelay.tools.doctor.clients import Client
from camrelay.tools.doctor.facts import Agreement

_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


def careful_context(authority: Path | None) -> ssl.SSLContext:
    """A client that believes the authorities of this machine, and `authority` (PEM).

    Names are left to others: OpenSSL would tell only the first thing it does not like.
    Raises StartError when the file cannot be used.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    if authority is not None:
        try:
            context.load_verify_locations(authority)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            remedy = f"is no file with PEM certificates ({reason}): name that of the CA"
            raise StartError("--authority", str(authority), remedy) from None
    context.set_alpn_protocols(["http/1.1"])
    return context


class Identity(NamedTuple):
    """A certificate that a client shows when it is asked for one."""

    certificate: Path
    private_key: Path | None

    def show_in(self, context: ssl.SSLContext) -> None:
        """Let the client have it. Raises OSError when the files are no such thing."""
        context.load_cert_chain(self.certificate, self.private_key)


def own_identity(certificate: Path | None, private_key: Path | None) -> Identity | None:
    """The identity in these files, tried once. Raises StartError when they cannot be used."""
    if certificate is None:
        return None
    identity = Identity(certificate, private_key)
    try:
        identity.show_in(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or str(error)
        remedy = f"is no certificate with its key ({reason}): give both in PEM, unencrypted"
        raise StartError("--certificate", str(certificate), remedy) from None
    return identity


def believing_context() -> ssl.SSLContext:
    """A client that believes anybody: it is not the one who decides."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def naming_context(leaf: bytes) -> ssl.SSLContext:
    """A client that believes the certificate `leaf` (DER), if only it is for the right host.

    OpenSSL looks at names before it looks at dates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=leaf)
    return context


def context_of(client: Client) -> ssl.SSLContext:
    """A client that can do no more than `client`."""
    context = believing_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = _VERSIONS[client.highest]
    context.set_ciphers(client.ciphers)
    if client.curve:
        context.set_ecdh_curve(client.curve)
    return context


def context_of_old(version: str) -> ssl.SSLContext:
    """A client from before TLS 1.2."""
    context = believing_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[version]
        context.maximum_version = _VERSIONS[version]
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def secure(dialed: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """TLS on a connection, which is closed when that fails. Raises OSError."""
    try:
        return context.wrap_socket(dialed, server_hostname=host)
    except BaseException:
        dialed.close()
        raise


def agree(dialed: socket.socket, context: ssl.SSLContext, host: str) -> Agreement:
    """Make a handshake on a connection and hang up."""
    try:
        with secure(dialed, context, host) as connection:
            cipher, _, _ = connection.cipher() or ("", "", 0)
            return Agreement(connection.version() or "", cipher)
    except ssl.SSLCertVerificationError as error:
        return Agreement(error=error.verify_message, distrust=error.verify_code)
    except ssl.SSLError as error:
        return Agreement(error=error.reason or str(error))
    except TimeoutError:
        return Agreement(error="no answer")
    except OSError as error:
        return Agreement(error=error.strerror or str(error))
