"""The short path for the most common opening handshake (RFC 6455 section 4.2).

Autobahn needs about 70 us for a handshake, because it handles every case. This module knows only
the plain one: each header once, version 13, nothing negotiated. For every other handshake it
returns None and leaves it to Autobahn, which accepts or refuses it.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha1
from typing import NamedTuple
from urllib.parse import parse_qs

from camrelay.core.request_head import RequestHead

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_HOST = re.compile(rb"([A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_ORIGIN = re.compile(rb"https?://[A-Za-z0-9._-]+(?::[1-5]?[0-9]{1,4})?")
_PLAIN_TARGET = re.compile(rb"/(?!/)[^;#]*")
# What OkHttp and browsers offer (RFC 7692 section 7.1): it needs no answer.
_DEFLATE_OFFER = re.compile(
    rb"permessage-deflate(?:; ?(?:(?:client|server)_no_context_takeover"
    rb"|(?:client|server)_max_window_bits(?:=[0-9]{1,2})?))*"
)
_ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: WebSocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\n\r\n"
)


class Upgrade(NamedTuple):
    """A plain handshake: what it asks for, and the answer if it may come in."""

    path: str
    query: Mapping[str, str]
    host: str
    origin: str | None
    authorization: str
    cookie: str
    answer: bytes


def plain_upgrade(head: RequestHead, takes_offers: bool) -> Upgrade | None:
    """The handshake in `head`, if it is the plain one; None leaves it to Autobahn.

    `takes_offers`: an offer of permessage-deflate is not plain, because it gets an answer.
    """
    once = {name: values[0] for name, values in head.headers.items() if len(values) == 1}
    host = _HOST.fullmatch(once.get(b"host", b""))
    key = once.get(b"sec-websocket-key", b"")
    if (
        host is None
        or not _KEY.fullmatch(key)
        or not _is_plain_request(head)
        or not _asks_for_websocket(once)
        or not _negotiates_nothing(head, takes_offers)
        or not _has_plain_origin(head)
        or any(len(head.headers.get(name, ())) > 1 for name in (b"authorization", b"cookie"))
    ):
        return None
    path, _, query = head.target.decode("ascii").partition("?")
    origin = once.get(b"origin")
    authorization, cookie = once.get(b"authorization", b""), once.get(b"cookie", b"")
    return Upgrade(
        path=path,
        query={name: values[0] for name, values in parse_qs(query).items()} if query else {},
        host=host[1].decode("ascii"),
        origin=None if origin is None else origin.decode("latin-1"),
        authorization=authorization.decode("latin-1"),
        cookie=cookie.decode("latin-1"),
        answer=_ANSWER % b64encode(sha1(key + _MAGIC, usedforsecurity=False).digest()),
    )


def _is_plain_request(head: RequestHead) -> bool:
    return (
        head.method == b"GET"
        and head.version == b"HTTP/1.1"
        and _PLAIN_TARGET.fullmatch(head.target) is not None
    )


def _asks_for_websocket(once: Mapping[bytes, bytes]) -> bool:
    connection = once.get(b"connection", b"").lower()
    return (
        once.get(b"sec-websocket-version") == b"13"
        and once.get(b"upgrade", b"").lower() == b"websocket"
        and b"upgrade" in [token.strip() for token in connection.split(b",")]
    )


def _has_plain_origin(head: RequestHead) -> bool:
    origins = head.headers.get(b"origin", ())
    return not origins or (len(origins) == 1 and _ORIGIN.fullmatch(origins[0]) is not None)


def _negotiates_nothing(head: RequestHead, takes_offers: bool) -> bool:
    if b"sec-websocket-protocol" in head.headers:
        return False
    offers = head.headers.get(b"sec-websocket-extensions")
    if offers is None:
        return True
    plain = len(offers) == 1 and _DEFLATE_OFFER.fullmatch(offers[0]) is not None
    return plain and not takes_offers
