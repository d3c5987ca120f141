"""What was seen on the wire, without an opinion on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Dialed(NamedTuple):
    """A TCP connection to one address, made or not; `error` is empty when it was made."""

    address: str
    milliseconds: float = 0.0
    error: str = ""


class Agreement(NamedTuple):
    """What a TLS handshake came to. `error` is empty when it succeeded.

    `distrust` is the number of OpenSSL's X509_V_ERR_ with which the client refused the chain, 0
    when it did not; `error` says it in words then.
    """

    version: str = ""
    cipher: str = ""
    error: str = ""
    distrust: int = 0


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate as it was sent. `key` is like "ECDSA P-256" or "RSA 2048"."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begin: datetime
    end: datetime
    key: str
    signed_with: str

    @property
    def signs_itself(self) -> bool:
        """A root, or a certificate that nobody else vouches for."""
        return self.subject == self.issuer


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an HTTP answer, and the first of what followed it when it is no upgrade.

    Header names are in lower case; `size` counts the bytes of the head.
    """

    version: str
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    size: int = 0
    text: str = ""

    def get(self, name: str) -> str:
        """All values of a header, as one; empty when there is none."""
        return ", ".join(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """What came in place of an HTTP answer: the first bytes, perhaps none.

    `silent`: the connection was still open when the time was over.
    """

    silent: bool
    received: bytes = b""


@dataclass(frozen=True, slots=True)
class Idle:
    """How a connection fared on which the client only answered pings.

    `lasted` in seconds; `ended` says how it ended, empty when it did not.
    """

    lasted: float
    pings: int = 0
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Pings:
    """Round trips in milliseconds; `error` says why there are not more, empty when all came."""

    milliseconds: tuple[float, ...] = ()
    error: str = ""
