"""The calls about who one is: what a browser and a program get, and what counts as signed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import OWN, Api, bearer, start_api
from tests.support.server import start_relay
from tests.support.tokens import token

COOKIE = "camrelay_session"


@pytest.fixture(scope="module", params=[(), ("--tls",)], ids=["plain", "tls"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """With and without TLS."""
    with start_api(tmp_path_factory.mktemp("relay"), *request.param) as api:
        yield api


def set_cookie(header: str | None) -> tuple[str, set[str]]:
    """The value of our cookie, and its attributes."""
    assert header is not None
    value, *attributes = header.split("; ")
    name, _, text = value.partition("=")
    assert name == COOKIE
    return text, set(attributes)


def test_a_guest_gets_a_cookie_that_only_the_browser_sees(api: Api) -> None:
    """No script reads it, no other site sends it, and what came over TLS stays there."""
    answer = api.post("/api/session", {"name": "Ana"})
    assert answer.status == 201
    text, attributes = set_cookie(answer.header("Set-Cookie"))
    secure = {"Secure"} if api.server.secure else set()
    assert attributes == {"Path=/", "Max-Age=604800", "HttpOnly", "SameSite=Strict"} | secure
    guest = answer.document
    assert guest["token"] == text
    assert (guest["name"], guest["guest"]) == ("Ana", True)
    assert guest["subject"].startswith("guest-")


def test_the_session_is_shown_to_whom_it_belongs(api: Api) -> None:
    """By the cookie from the server's own page, or by the token from anywhere."""
    guest = api.post("/api/session", {"name": "Ben"}).document
    shown = {name: guest[name] for name in ("subject", "name", "guest", "expires_at")}
    scheme = "https" if api.server.secure else "http"
    own = f"Origin: {scheme}://localhost:{api.server.port}"
    host = f"Host: localhost:{api.server.port}"
    cookie = f"Cookie: {COOKIE}={guest['token']}"
    for headers in (
        (host, own, cookie),
        (host, "Sec-Fetch-Site: same-origin", cookie),
        (f"Authorization: Bearer {guest['token']}",),
    ):
        seen = api.get("/api/session", *headers).document
        assert seen == shown


@pytest.mark.parametrize(
    "headers", [(), ("Sec-Fetch-Site: cross-site",), ("Sec-Fetch-Site: none",)]
)
def test_a_cookie_without_the_origin_of_the_server_does_not_count(
    api: Api, headers: tuple[str, ...]
) -> None:
    """Any page could have made the browser send it."""
    cookie = f"Cookie: {COOKIE}={token(OWN)}"
    assert api.get("/api/session", cookie, *headers).code == (401, "not-signed-in")
    assert api.get("/api/rooms", cookie, *headers).code == (401, "not-signed-in")


def test_who_signs_out_is_forgotten_by_the_browser(api: Api) -> None:
    """The cookie is replaced by one that ends at once, with the same attributes."""
    answer = api.ask("DELETE", "/api/session")
    assert (answer.status, answer.document) == (200, {})
    text, attributes = set_cookie(answer.header("Set-Cookie"))
    assert (text, "Max-Age=0" in attributes, "HttpOnly" in attributes) == ("", True, True)


def test_a_token_that_is_no_good_does_not_keep_anybody_from_a_new_one(api: Api) -> None:
    """A session that has expired is the usual reason to sign in."""
    old = f"Authorization: Bearer {token(OWN, exp=1)}"
    assert api.get("/api/session", old).code == (401, "not-signed-in")
    assert api.post("/api/session", {"name": "Cleo"}, old).status == 201
    assert api.ask("DELETE", "/api/session", old).status == 200


def test_who_asks_for_a_token_is_told_how_to_show_it(api: Api) -> None:
    """As HTTP wants it (RFC 9110 section 11.6.1)."""
    answer = api.get("/api/session")
    assert (answer.status, answer.header("WWW-Authenticate")) == (401, 'Bearer realm="camrelay"')


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", (422, "blank")),
        (b"{", (422, "malformed")),
        (b"[]", (422, "wrong-type")),
        (b"{}", (422, "wrong-type")),
        (b'{"name":1}', (422, "wrong-type")),
        (b'{"name":"A","admin":true}', (422, "wrong-type")),
        (b'{"name":""}', (400, "bad-request")),
        (b'{"name":"\\u202egnuJ"}', (400, "bad-request")),
        (b'{"name":"%b"}' % (b"x" * 33), (400, "bad-request")),
        (b'{"name":"\xff"}', (400, "bad-request")),
        (b'{"name":"\\ud800"}', (422, "malformed")),
        (b"[" * 60_000, (422, "wrong-type")),
    ],
)
def test_a_name_that_cannot_be_is_refused(api: Api, body: bytes, code: tuple[int, str]) -> None:
    """And no cookie is set."""
    answer = api.post("/api/session", body)
    assert (answer.code, answer.header("Set-Cookie")) == (code, None)


def test_a_token_of_the_operator_is_shown_as_what_it_is(api: Api) -> None:
    """Nobody's guest; without an end when it has none."""
    header = bearer("dora", claims={"name": "Dora"})
    seen = api.get("/api/session", header).document
    assert (seen["subject"], seen["name"], seen["guest"]) == ("dora", "Dora", False)
    assert seen["expires_at"] > 1_700_000_000


def test_nobody_is_shown_why_there_is_no_key(tmp_path: Path) -> None:
    """The names of our folders are for the operator, who finds them in the log."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keys.lock").mkdir()
    with start_relay(tmp_path) as server:
        answer = Api(server).post("/api/session", {"name": "Ana"})
        assert answer.code == (503, "unavailable")
        assert b"keys" not in answer.body
        server.wait_for_log(r"nobody can sign in.*keys\.json.*Is a directory")
