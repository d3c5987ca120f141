"""The plain port that only shows the way to TLS: pages are redirected, and sockets are told.

A WebSocket is never redirected: hardly any client follows, and by then it has said in the clear
what it should not have. It is refused with the address to use.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import protocol

from camrelay.core.doorman import Doorman
from camrelay.core.errors import Denied
from camrelay.core.proxies import TrustedProxies
from camrelay.core.request_head import RequestHead
from camrelay.net.deadlines import Deadlines
from camrelay.net.door import Door
from camrelay.net.http import Record
from camrelay.net.refusal import REQUEST_ID, TurnedAway, refusal
from camrelay.ports import Answered

# What may stand in front of the port, and comes back in a URL.
_HOST = re.compile(rb"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# RFC 8555 section 8.3: what a certificate authority asks for on port 80, and nowhere else.
_CHALLENGE = re.compile(r"/\.well-known/acme-challenge/[A-Za-z0-9_-]{1,128}")
_CHALLENGE_BYTES = 4096
_HTTPS_PORT = 443


class DoorToTls(Door):
    """Reads a head as every door does, and knows one answer."""

    factory: "DoorToTlsFactory"  # type: ignore[assignment]

    def enter(self, head: RequestHead) -> None:
        """Redirect a page to where it is served. Raises Denied for everything else."""
        host = _HOST.fullmatch(head.headers.get(b"host", (b"",))[0])
        if host is None:
            raise Denied(400, "this port only redirects to https, and needs a Host header for it")
        authority = host[1].decode("ascii") + self.factory.suffix
        target = head.target.decode("ascii")
        path = target.partition("?")[0]
        if head.wants_websocket:
            # Without the query: tokens travel there, and this text reaches the log.
            raise Denied(400, f"this port has no sockets: connect to wss://{authority}{path}")
        if head.method not in (b"GET", b"HEAD"):
            raise Denied(405, f"this port only redirects: use https://{authority}{path}")
        content = self.factory.challenge(path)
        if content is None:
            url = f"https://{authority}{target}"
            headers = [("Location", url), (REQUEST_ID, self.id)]
            answer = refusal(308, f"this page is at {url}", headers)
        else:
            answer = refusal(200, content)
        self._answer(head, path, answer)

    def _answer(self, head: RequestHead, path: str, answer: bytes) -> None:
        start, _, body = answer.partition(b"\r\n\r\n")
        if head.method == b"HEAD":
            body = b""
        self.transport.write(start + b"\r\n\r\n" + body)
        self.transport.loseConnection()
        status = int(start.split(b" ")[1])
        method = head.method.decode("ascii")
        answered = Answered(self.id, method, path, self.peer_name, status, len(body), 0.0)
        self.factory.answered(answered)


class DoorToTlsFactory(protocol.ServerFactory):
    """What the doors of a plain port share.

    `tls_port()` is asked when somebody comes; None stands for the usual one, 443.
    """

    protocol: Any = DoorToTls
    noisy = False
    proxies: TrustedProxies | None = None
    node = ""

    def __init__(
        self,
        doorman: Doorman,
        deadlines: Deadlines[Door],
        turned_away: TurnedAway,
        answered: Record,
        webroot: Path,
    ) -> None:
        """`webroot` is where `certbot --webroot` puts its answers; see DoorFactory."""
        self.doorman = doorman
        self.deadlines = deadlines
        self.turned_away = turned_away
        self.answered = answered
        self.tls_port: Callable[[], int | None] = lambda: None
        self._webroot = webroot

    @property
    def suffix(self) -> str:
        """What follows the host in a URL of the TLS port."""
        port = self.tls_port() or _HTTPS_PORT
        return "" if port == _HTTPS_PORT else f":{port}"

    def challenge(self, path: str) -> str | None:
        """The answer to a certificate authority that asks for `path`, if there is one."""
        if not _CHALLENGE.fullmatch(path):
            return None
        try:
            with (self._webroot / path[1:]).open(encoding="ascii") as file:
                return file.read(_CHALLENGE_BYTES)
        except (OSError, ValueError):
            return None
