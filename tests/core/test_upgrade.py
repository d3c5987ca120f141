"""The plain opening handshake: recognised and answered; everything else is left to Autobahn."""

import pytest

from camrelay.core.request_head import read
from camrelay.core.upgrade import Upgrade, plain_upgrade

PLAIN = {
    "Host": "relay.example:8443",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
OKHTTP_OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate"}
BROWSER_OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}


def upgrade(
    headers: dict[str, str] = PLAIN,
    first: str = "GET /ws/camera HTTP/1.1",
    more: str = "",
    takes_offers: bool = False,
) -> Upgrade | None:
    """What the plain case makes of a head; a value of "" leaves the header out."""
    lines = [first, *(f"{name}: {value}" for name, value in headers.items() if value)]
    return plain_upgrade(read(("\r\n".join(lines) + more).encode()), takes_offers)


def test_the_answer_is_that_of_the_rfc() -> None:
    """The key of the example in RFC 6455 section 1.3 is answered as the example says."""
    found = upgrade()
    assert found is not None
    assert found.answer == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: WebSocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )


def test_path_query_host_and_origin_are_read() -> None:
    """The path is not decoded, the first value of a parameter counts, the host has no port."""
    headers = {**PLAIN, "Origin": "https://a.example"}
    found = upgrade(headers, "GET /r/%C3%A9?a=1&a=2&b=%20 HTTP/1.1")
    assert found is not None
    assert found[:4] == ("/r/%C3%A9", {"a": "1", "b": " "}, "relay.example", "https://a.example")


def test_a_native_client_has_no_origin_and_no_query() -> None:
    """What was not sent is empty."""
    found = upgrade()
    assert found is not None
    assert (found.query, found.origin) == ({}, None)


@pytest.mark.parametrize(
    "headers",
    [
        {**PLAIN, "Connection": "keep-alive, Upgrade"},
        {**PLAIN, "Upgrade": "WebSocket"},
        {**PLAIN, "User-Agent": "okhttp/4.12.0", "Cookie": "a=b"},
        {**PLAIN, **OKHTTP_OFFER},
        {**PLAIN, **BROWSER_OFFER},
        {**PLAIN, "Origin": "http://localhost:8080"},
    ],
)
def test_real_clients_are_plain(headers: dict[str, str]) -> None:
    """What Firefox, Chromium, OkHttp and the rest send is recognised."""
    assert upgrade(headers) is not None


@pytest.mark.parametrize(
    "headers",
    [
        *({**PLAIN, name: ""} for name in PLAIN if name != "Host"),
        {**PLAIN, "Upgrade": "h2c, websocket"},
        {**PLAIN, "Connection": "close"},
        {**PLAIN, "Sec-WebSocket-Version": "8"},
        {**PLAIN, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ="},
        {**PLAIN, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ!=="},
        {**PLAIN, "Sec-WebSocket-Protocol": "camrelay.v1"},
        {**PLAIN, "Sec-WebSocket-Extensions": "permessage-deflate; made_up"},
        {**PLAIN, "Host": "[::1]:8443"},
        {**PLAIN, "Host": "relay:port"},
        {**PLAIN, "Origin": "null"},
        {**PLAIN, "Origin": "http://localhost:99999"},
    ],
)
def test_what_is_not_plain_is_left_alone(headers: dict[str, str]) -> None:
    """Anything missing, negotiated or unusual is not decided here."""
    assert upgrade(headers) is None


@pytest.mark.parametrize("name", [*list(PLAIN)[1:], "Origin", "Sec-WebSocket-Extensions"])
def test_a_header_given_twice_is_left_alone(name: str) -> None:
    """Two values may be read in two ways."""
    value = {**PLAIN, "Origin": "http://a.example", **OKHTTP_OFFER}[name]
    headers = {**PLAIN, name: value}
    assert upgrade(headers, more=f"\r\n{name}: {value}") is None


@pytest.mark.parametrize(
    "first",
    [
        "POST /ws/camera HTTP/1.1",
        "GET /ws/camera HTTP/1.0",
        "GET /ws/camera#part HTTP/1.1",
        "GET /ws/camera;v=1 HTTP/1.1",
        "GET //other.example/ws HTTP/1.1",
    ],
)
def test_other_requests_are_left_alone(first: str) -> None:
    """Other methods, versions, and targets that a URL parser reads in its own way."""
    assert upgrade(first=first) is None


@pytest.mark.parametrize("headers", [OKHTTP_OFFER, BROWSER_OFFER])
def test_an_offer_is_left_alone_where_offers_are_taken(headers: dict[str, str]) -> None:
    """With --compression, Autobahn answers the offer."""
    assert upgrade({**PLAIN, **headers}, takes_offers=True) is None
