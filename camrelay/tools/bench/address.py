"""Where the server is: a URL taken apart, its host looked up once, and whom TLS trusts."""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from camrelay.core.errors import StartError
from camrelay.tools.bench.plan import ROOM, Trust, room_name

DEFAULT_PORTS = {"ws": 80, "wss": 443}
SocketAddress = tuple[Any, ...]
"""Whatever `socket.connect` takes."""


@dataclass(frozen=True, slots=True)
class Address:
    """A WebSocket URL, resolved."""

    secure: bool
    host: str
    authority: str
    """Host and port as the Host header has them."""
    target: str
    """Path and query with `{room}`, where the room's name goes."""
    family: int
    socket_address: SocketAddress

    def target_of(self, room: int) -> str:
        """Path and query for the room with this number."""
        return self.target.replace(ROOM, room_name(room))


def locate(url: str) -> Address:
    """Take `url` apart and look its host up. Raises StartError if nothing takes connections."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise StartError("URL", url, f"cannot be read: {error}") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise StartError("URL", url, "must begin with ws://HOST or wss://HOST")
    try:
        found = socket.getaddrinfo(
            parts.hostname, port or DEFAULT_PORTS[parts.scheme], type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise StartError("URL", url, f"names a host that is not found: {error}") from error
    family, socket_address = _reachable(url, found)
    return Address(
        secure=parts.scheme == "wss",
        host=parts.hostname,
        authority=parts.netloc.rpartition("@")[2],
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        family=family,
        socket_address=socket_address,
    )


def _reachable(url: str, candidates: Sequence[tuple[Any, ...]]) -> tuple[int, SocketAddress]:
    """The first of the host's addresses that takes a connection."""
    reason: OSError | None = None
    for family, _, _, _, socket_address in candidates:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(5)
            try:
                probe.connect(socket_address)
            except OSError as error:
                reason = error
            else:
                return int(family), socket_address
    raise StartError("URL", url, f"takes no connection ({reason}): is the server running?")


def tls_context(trust: Trust) -> ssl.SSLContext:
    """The TLS settings of every connection. Raises StartError if the authority is not usable."""
    try:
        context = ssl.create_default_context()
        if trust.authority is not None:
            context.load_verify_locations(trust.authority)
    except (OSError, ssl.SSLError) as error:
        remedy = f"is no file with PEM certificates: {error}"
        raise StartError("--authority", str(trust.authority), remedy) from error
    if trust.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
