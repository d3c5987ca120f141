"""How the clients that camrelay serves make a TLS handshake.

Sources: Unity's TLS is Mbed TLS 2, which ends at TLS 1.2; Android's is in its documentation of
SSLSocket (TLS 1.2 from Android 5, 1.3 from Android 10), and Android 7.0 can do no curve but P-256;
OkHttp offers no more than ECDHE with AES-GCM or ChaCha20 besides CBC suites kept for old servers.
"""

from typing import NamedTuple


class Client(NamedTuple):
    """A client and what it can do at most. `ciphers` in OpenSSL's words, for TLS 1.2."""

    name: str
    highest: str = "TLSv1.3"
    ciphers: str = "ECDHE+AESGCM:ECDHE+CHACHA20"
    curve: str = ""


CLIENTS = (
    Client("Unity", highest="TLSv1.2"),
    Client("Android 5 to 9", highest="TLSv1.2", ciphers="ECDHE+AESGCM", curve="prime256v1"),
    Client("Android 10, browsers"),
)
# No client needs these any more, and RFC 8996 forbids them.
OLD_VERSIONS = ("TLSv1", "TLSv1.1")
