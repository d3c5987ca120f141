"""What clients send before a WebSocket is open, byte by byte (RFC 6455 section 4.1)."""

from base64 import b64encode
from hashlib import sha1

from camrelay.tools.doctor.target import Target

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
# What browsers offer; OkHttp offers the first word of it.
DEFLATE_OFFER = "permessage-deflate; client_max_window_bits"


def upgrade_request(
    target: Target, key: str, origin: str | None = None, extensions: str | None = None
) -> bytes:
    """The handshake of a native client, or with `origin` of a web page's."""
    headers = {
        "Host": target.authority,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        "Origin": origin,
        "Sec-WebSocket-Extensions": extensions,
    }
    return _request(target.path, headers)


def page_request(target: Target) -> bytes:
    """A request for the first page of the server."""
    return _request("/", {"Host": target.authority, "Connection": "close"})


def accept_of(key: str) -> str:
    """What a server that understood the handshake says in Sec-WebSocket-Accept (4.2.2)."""
    return b64encode(sha1((key + _MAGIC).encode(), usedforsecurity=False).digest()).decode()


def _request(path: str, headers: dict[str, str | None]) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()
