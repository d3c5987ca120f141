"""Answers before the upgrade: a status, a short text, and the end of the connection."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from camrelay.core.errors import Denied

# What a 401 has to say (RFC 9110 section 11.6.1, RFC 6750 section 3).
CHALLENGE = 'Bearer realm="camrelay"'

# Names the request as the log does: whoever asks for help can say which one it was.
REQUEST_ID = "X-Request-Id"

TurnedAway = Callable[[str, Denied, str], None]
"""Told of a connection that is refused before the relay hears of it: its peer, why, its name."""


def refusal(status: int, text: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A whole HTTP/1.1 response that says `text` and that no more follows.

    Clients show the body (websocket-client) or log it (OkHttp); without a length they would wait.
    """
    body = text.encode() + b"\n"
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    if status == HTTPStatus.UNAUTHORIZED:
        lines.append(f"WWW-Authenticate: {CHALLENGE}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
