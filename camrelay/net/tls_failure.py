"""Why TLS could not be agreed on, in words for whoever has to change something."""

from OpenSSL import SSL
from twisted.python.failure import Failure

_UNTRUSTED = "the client does not trust the certificate: see docs/tls.md"

# What OpenSSL calls it; the alerts are what the client has said (RFC 8446 section 6.2).
_IN_WORDS = {
    "http request": "the client speaks plain HTTP to a port with TLS: use https:// or wss://",
    "unsupported protocol": "the client supports neither TLS 1.2 nor 1.3",
    "no shared cipher": "the client supports none of the cipher suites in docs/tls.md",
    "peer did not return a certificate": "the client sent no certificate: see --client-ca",
    "certificate verify failed": "the client's certificate is not signed by --client-ca",
    "tlsv1 alert unknown ca": _UNTRUSTED,
    "ssl/tls alert bad certificate": _UNTRUSTED,
    "ssl/tls alert certificate unknown": _UNTRUSTED,
}


def tls_failure(reason: Failure) -> str | None:
    """Why a connection has ended before it could be used; None when TLS is not to blame."""
    error = reason.value
    if not isinstance(error, SSL.Error) or not error.args or not isinstance(error.args[0], list):
        return None
    said = reason_in(error)
    return _IN_WORDS.get(said, f"TLS failed: {said}")


def reason_in(error: SSL.Error) -> str:
    """What OpenSSL said last, without its error numbers: "ee key too small"."""
    queue = error.args[0] if error.args else []
    return str(queue[-1][-1]) if queue else "it does not say why"
