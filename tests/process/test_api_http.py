"""The API at the edges of HTTP: methods, paths, lengths, and pages of other origins."""

from collections.abc import Iterator

import pytest

from tests.support.api import JSON, OWN, Api, bearer, head, start_api
from tests.support.tokens import token

PARTNER = "https://partner.example"
MESSAGES = "/api/messages?room=/ws/chat/edges"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One for all tests; it has one origin for a friend."""
    with start_api(tmp_path_factory.mktemp("relay"), "--allowed-origin", PARTNER) as api:
        yield api


# Methods


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/messages", "GET, POST, HEAD, OPTIONS"),
        ("/api/events", "GET, HEAD, OPTIONS"),
        ("/api/channels/jobs", "POST, OPTIONS"),
        ("/api/session", "GET, POST, DELETE, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(api: Api, path: str, allowed: str) -> None:
    """Whoever asks for them gets them, too."""
    for method in ("PUT", "BREW", "CONNECT"):
        answer = api.ask(method, path)
        assert (answer.code, answer.header("Allow")) == ((405, "wrong-method"), allowed)
    answer = api.ask("OPTIONS", path)
    assert (answer.status, answer.body, answer.header("Allow")) == (204, b"", allowed)


@pytest.mark.parametrize("target", [MESSAGES, "/api/members?room=/ws/chat/edges", "/api/session"])
def test_a_head_is_that_of_a_get(api: Api, target: str) -> None:
    """The same headers, and no body."""
    header = bearer()
    get, heading = api.get(target, header), api.ask("HEAD", target, header)
    assert (get.status, heading.status, heading.body) == (200, 200, b"")
    for name in ("Content-Type", "Content-Length", "Cache-Control", "Vary"):
        assert heading.header(name) == get.header(name)


def test_the_head_of_a_stream_joins_nothing(api: Api) -> None:
    """It ends at once, and nobody was in the room."""
    answer = api.ask("HEAD", "/api/events?room=/ws/chat/headed")
    assert (answer.status, answer.header("Content-Type")) == (200, "text/event-stream")
    assert "/ws/chat/headed" not in api.server.log
    assert api.ask("HEAD", "/api/events?room=/no/where").status == 404


# Headers


@pytest.mark.parametrize("name", ["Cookie", "Authorization", "Origin", "Last-Event-ID", "Accept"])
def test_a_header_need_not_be_utf8(api: Api, name: str) -> None:
    """Cookies of other applications on the same host above all: no error of ours comes of it."""
    for target in ("/api/session", "/api/events?room=/ws/chat/odd"):
        with api.wire() as wire:
            wire.send(head("HEAD", target)[:-2], f"{name}: caf\u00e9=1\r\n\r\n".encode("latin-1"))
            assert wire.read_head().status in (200, 401, 403)


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Origin"])
def test_who_asks_is_said_once(api: Api, name: str) -> None:
    """Of two, somebody on the way may have looked at the other one."""
    assert api.get("/api/session", f"{name}: a", f"{name}: b").code == (400, "bad-request")


# Paths and queries


@pytest.mark.parametrize(
    "target",
    [
        "/api/session/",
        "/api/%73ession",
        "/api/session?",
        "/api/session?%20=%00&&;=&x",
        "/api/session?token=",
    ],
)
def test_a_path_may_be_written_in_many_ways(api: Api, target: str) -> None:
    """With a slash at its end, with letters that need no encoding, with parameters of others."""
    assert api.get(target, bearer()).status == 200


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/api/", (404, "not-found")),
        ("/api/nowhere", (404, "not-found")),
        ("/api//session", (404, "not-found")),
        ("/api/session//", (404, "not-found")),
        ("/api/session/more", (404, "not-found")),
        ("/api/SESSION", (404, "not-found")),
        ("/api/session%2F", (404, "not-found")),
        ("/api/session#part", (404, "not-found")),
        ("/api/%ff", (400, "bad-request")),
        ("/api/session?x=%ff", (400, "bad-request")),
        ("/api/session?" + "&".join(f"x{n}=1" for n in range(51)), (400, "bad-request")),
    ],
)
def test_what_leads_nowhere_is_told_so(api: Api, target: str, code: tuple[int, str]) -> None:
    """In JSON, as everything below /api/."""
    assert api.get(target, bearer()).code == code


def test_a_room_may_be_encoded_in_any_way_that_queries_know(api: Api) -> None:
    """Two clients meet, whatever their libraries encode."""
    for room in ("/ws/chat/caf%C3%A9", "%2Fws%2Fchat%2Fcaf%c3%a9", "/ws/chat/cafe%CC%81"):
        target = f"/api/messages?room={room}"
        assert api.post(target, {"message": room}).status == 200
    assert api.get(target).document["top"] == 3


# Bodies


def test_a_get_may_have_a_body_that_nobody_reads(api: Api) -> None:
    """Some clients send one; if it is too long the request is refused as any other."""
    assert api.ask("GET", "/api/session", bearer(), body=b"{}").status == 200
    assert api.ask("GET", "/api/session", bearer(), body=b"x" * 65_537).status == 413


def test_a_body_is_waited_for(api: Api) -> None:
    """It may come in pieces, and whoever wants to be told to go on is."""
    with api.wire() as wire:
        body = b'{"message":"late"}'
        wire.send(head("POST", MESSAGES, JSON, "Expect: 100-continue", body=body))
        assert wire.read_head().status == 100
        wire.send_chopped(body, 5)
        assert wire.read_response().status == 200


def test_a_connection_has_one_request(api: Api) -> None:
    """A second one behind it is not read."""
    with api.wire() as wire:
        wire.send(head("GET", "/api/session", bearer()) + head("DELETE", "/api/session"))
        assert wire.read_response().header("Connection") == "close"
        assert wire.drain() == b""


# Pages of other origins


def test_a_page_of_a_friend_may_ask_and_read(api: Api) -> None:
    """With the user's cookie, too: the operator has named it."""
    cookie = f"Cookie: camrelay_session={token(OWN, sub='friend')}"
    answer = api.get("/api/session", f"Origin: {PARTNER}", cookie)
    assert (answer.status, answer.document["subject"]) == (200, "friend")
    assert answer.header("Access-Control-Allow-Origin") == PARTNER
    assert answer.header("Access-Control-Allow-Credentials") == "true"
    assert answer.header("Vary") == "Origin"


def test_a_page_of_a_friend_may_read_why_it_is_refused(api: Api) -> None:
    """Errors are answers, and what helps to find them in the log is shown, too."""
    answer = api.get("/api/rooms", f"Origin: {PARTNER}")
    assert answer.code == (401, "not-signed-in")
    assert answer.header("Access-Control-Expose-Headers") == "Retry-After, X-Request-Id"
    assert answer.header("X-Request-Id")
    assert answer.header("Access-Control-Allow-Origin") == PARTNER


def test_a_browser_is_told_what_a_page_of_a_friend_may_send(api: Api) -> None:
    """Before it sends it (Fetch standard, CORS-preflight fetch)."""
    asked = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")
    answer = api.ask("OPTIONS", MESSAGES, f"Origin: {PARTNER}", *asked)
    assert (answer.status, answer.header("Access-Control-Allow-Origin")) == (204, PARTNER)
    assert answer.header("Access-Control-Allow-Methods") == "GET, POST, DELETE"
    headers = str(answer.header("Access-Control-Allow-Headers")).split(", ")
    assert {"Authorization", "Content-Type", "Last-Event-ID"} <= set(headers)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_page_of_a_stranger_does_and_reads_nothing(api: Api, origin: str, method: str) -> None:
    """Not even what is open to everybody: the user's browser is not theirs to send."""
    cookie = f"Cookie: camrelay_session={token(OWN)}"
    answer = api.ask(
        method, "/api/session", f"Origin: {origin}", cookie, JSON, body=b'{"name":"A"}'
    )
    assert answer.code == (403, "not-allowed")
    assert answer.header("Access-Control-Allow-Origin") is None
    assert answer.header("Set-Cookie") is None
    preflight = api.ask("OPTIONS", "/api/session", f"Origin: {origin}")
    assert preflight.header("Access-Control-Allow-Origin") is None


def test_where_everybody_is_a_friend_cookies_stay_at_home(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """`*` lets every page ask, and none of them in the name of the user."""
    with start_api(tmp_path_factory.mktemp("relay"), "--allowed-origin", "*") as api:
        cookie = f"Cookie: camrelay_session={token(OWN)}"
        answer = api.get("/api/session", "Origin: https://any.example", cookie)
        assert answer.code == (401, "not-signed-in")
        assert answer.header("Access-Control-Allow-Origin") == "https://any.example"
        assert answer.header("Access-Control-Allow-Credentials") is None
