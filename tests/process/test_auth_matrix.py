"""Every way to show a token, on sockets and over HTTP, with every token that is no good.

The server runs with two keys of its own, of which one was retired, believes one key of others, and
asks for an audience and an issuer. All tokens are made here with PyJWT; none may reach the log.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from camrelay.core.credentials import MAX_LENGTH
from camrelay.core.errors import KEY_RETIRED
from tests.support.api import Api
from tests.support.frames import TEXT, frame
from tests.support.server import Server, start_relay
from tests.support.tokens import forged, key, key_set, public, token, write_secret
from tests.support.wire import Response, Wire, handshake

OWN, RETIRED, OTHERS, UNKNOWN = key("own", "HS256"), key("retired"), key("others"), key("unknown")
AUDIENCE, ISSUER = "relay", "https://login.example"
ROUTES = """
[[routes]]
path = "/ws/team/{room}"
kind = "chat"
access = "token"

[[routes]]
path = "/ws/club/{room}"
kind = "chat"
access = "signed-in"

[[routes]]
path = "/ws/box/{user}"
kind = "chat"

[[routes]]
path = "/ws/news"
kind = "chat"
publish = ["alice"]
"""
TEAM = "/ws/team/a"
NOW = int(time.time())
shown: list[str] = []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests; at the end nothing of any token is in its log."""
    folder = tmp_path_factory.mktemp("relay")
    (folder / "data").mkdir(mode=0o700)
    write_secret(folder / "data" / "keys.json", key_set(OWN))
    (folder / "jwks.json").write_bytes(key_set(public(OTHERS)))
    (folder / "camrelay.toml").write_text(ROUTES)
    rules = ("--token-audience", AUDIENCE, "--token-issuer", ISSUER)
    origins = ("--allowed-origin", "https://app.example")
    with start_relay(folder, "--jwks", "jwks.json", *rules, *origins) as server:
        yield server
    assert f"handshake {TEAM} denied 401" in server.log
    for each in shown:
        assert not any(len(part) > 8 and part in server.log for part in each.split("."))


def good(members: dict[str, Any] = OTHERS, room: str = "team/*", **claims: Any) -> str:
    """A token that opens the rooms of the team, unless `claims` say otherwise."""
    said = {"aud": AUDIENCE, "iss": ISSUER, **claims}
    said.setdefault("camrelay", {"subscribe": [room], "publish": [room]})
    return token(members, **said)


def reader() -> str:
    """A token that is only good for listening."""
    return good(camrelay={"subscribe": ["team/*"]})


def unsigned(algorithm: str) -> str:
    """All is well, but for the signature."""
    claims = {"sub": "alice", "exp": NOW + 60, "aud": AUDIENCE, "iss": ISSUER}
    return forged({"alg": algorithm, "kid": "others", "typ": "JWT"}, claims)


GOOD = {"others": good, "own": lambda: good(OWN)}
BAD: dict[str, tuple[Callable[[], str], int]] = {
    "expired": (lambda: good(exp=NOW - 60), 401),
    "not yet valid": (lambda: good(nbf=NOW + 3600), 401),
    "without an end": (lambda: good(exp=None), 401),
    "other audience": (lambda: good(aud="other"), 401),
    "no audience": (lambda: good(aud=None), 401),
    "other issuer": (lambda: good(iss="https://evil.example"), 401),
    "none": (lambda: unsigned("none"), 401),
    "other algorithm": (lambda: unsigned("HS256"), 401),
    "retired key": (lambda: good(RETIRED), 401),
    "borrowed name": (lambda: good({**UNKNOWN, "kid": "others"}), 401),
    "garbage": (lambda: "x.y.z", 401),
    "other room": (lambda: good(room="team2/*"), 403),
    "no grants": (lambda: good(camrelay={}), 403),
}


def in_header(path: str, text: str) -> tuple[str, list[str]]:
    """As native clients and programs show it."""
    return path, [f"Authorization: Bearer {text}"]


def in_query(path: str, text: str) -> tuple[str, list[str]]:
    """As clients show it that can set no headers."""
    return f"{path}{'&' if '?' in path else '?'}token={text}", []


def in_session_key(path: str, text: str) -> tuple[str, list[str]]:
    """By its older name."""
    return f"{path}{'&' if '?' in path else '?'}session_key={text}", []


def in_cookie(path: str, text: str) -> tuple[str, list[str]]:
    """As the pages show it."""
    return path, [f"Cookie: a=b; camrelay_session={text}", "Origin: http://localhost"]


WAYS = [in_header, in_query, in_session_key, in_cookie]


def by_socket(server: Server, path: str, headers: list[str]) -> Response:
    """What a handshake is answered."""
    with Wire(server.port) as wire:
        return wire.request(handshake(path, *headers, port=server.port))


def by_http(server: Server, path: str, headers: list[str]) -> Response:
    """What somebody hears who wants to read what was said in the room at `path`."""
    room, _, rest = path.partition("?")
    return ask(server, "GET", f"/api/messages?room={quote(room)}&{rest}", headers)


def ask(
    server: Server, method: str, target: str, headers: list[str], body: bytes = b""
) -> Response:
    """An HTTP request and its answer."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: localhost:{server.port}", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    with Wire(server.port) as wire:
        return wire.request("\r\n".join((*lines, "", "")).encode() + body)


def outcome(response: Response) -> int:
    """200 for whoever came in, by whichever way; a refusal has a text."""
    assert response.status in (101, 200) or len(response.body) > 10
    return 200 if response.status == 101 else response.status


def show(text: str) -> str:
    """Note it: the log is searched for it at the end."""
    shown.append(text)
    return text


@pytest.mark.parametrize("enter", [by_socket, by_http])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_opens_the_room(
    server: Server, name: str, way: Callable[..., Any], enter: Callable[..., Response]
) -> None:
    """Wherever it is shown, and whoever of those who are believed has signed it."""
    assert outcome(enter(server, *way(TEAM, show(GOOD[name]())))) == 200


@pytest.mark.parametrize("enter", [by_socket, by_http])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_opens_nothing(
    server: Server, name: str, way: Callable[..., Any], enter: Callable[..., Response]
) -> None:
    """Refused before the upgrade, with a status and a short text that never quotes it."""
    make, status = BAD[name]
    text = show(make())
    response = enter(server, *way(TEAM, text))
    assert outcome(response) == status
    assert not any(len(part) > 8 and part.encode() in response.body for part in text.split("."))


@pytest.mark.parametrize("enter", [by_socket, by_http])
def test_who_shows_nothing_is_asked_for_it(server: Server, enter: Callable[..., Response]) -> None:
    """401, where 403 would say that nothing helps."""
    for path in (TEAM, "/ws/club/a", "/ws/box/alice"):
        assert outcome(enter(server, path, [])) == 401
    assert outcome(enter(server, "/ws/chat/open", [])) == 200


@pytest.mark.parametrize("enter", [by_socket, by_http])
def test_a_token_that_is_too_long_is_not_looked_at(
    server: Server, enter: Callable[..., Response]
) -> None:
    """The head of a request is limited before anything reads it."""
    text = show(good(padding="x" * MAX_LENGTH))
    assert outcome(enter(server, *in_header(TEAM, text))) == 431


@pytest.mark.parametrize("enter", [by_socket, by_http])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 200),
        ("https://app.example", 200),
        ("https://evil.example", 403),
        ("null", 403),
        (None, 401),
    ],
)
def test_a_cookie_counts_for_trusted_pages_only(
    server: Server, origin: str | None, status: int, enter: Callable[..., Response]
) -> None:
    """A foreign page does not get in at all; without an origin, the cookie is not looked at."""
    headers = [f"Cookie: camrelay_session={show(good())}"]
    headers += [f"Origin: {origin}"] if origin else []
    assert outcome(enter(server, TEAM, headers)) == status


@pytest.mark.parametrize("enter", [by_socket, by_http])
def test_a_room_for_members_takes_every_token_that_is_good(
    server: Server, enter: Callable[..., Response]
) -> None:
    """Whatever it grants elsewhere; the room of a user takes that user's."""
    for path, subject, status in (
        ("/ws/club/a", "bob", 200),
        ("/ws/box/bob", "bob", 200),
        ("/ws/box/alice", "bob", 403),
    ):
        text = show(good(sub=subject, camrelay={}))
        assert outcome(enter(server, *in_header(path, text))) == status


def test_who_may_not_publish_is_heard_by_nobody(server: Server) -> None:
    """Over HTTP it is refused; on a socket it is dropped and told, and the connection stays."""
    line = b'{"message":"hello"}'
    for text, status in ((show(reader()), 403), (show(good()), 200)):
        _, headers = in_header(TEAM, text)
        answer = ask(server, "POST", f"/api/messages?room={TEAM}", headers, line)
        assert answer.status == status, answer
    path, headers = in_header(f"{TEAM}?errors=1", show(reader()))
    with Wire(server.port) as wire:
        wire.upgrade(path, *headers)
        wire.send(frame(TEXT, line))
        problem = json.loads(wire.read_message().payload)
        assert problem["error"]["reason"] == "read-only"


def test_a_route_may_name_who_publishes(server: Server) -> None:
    """Everybody listens, alice speaks."""
    with Wire(server.port) as listener, Wire(server.port) as alice:
        listener.upgrade("/ws/news?errors=1")
        listener.send(frame(TEXT, b'{"message":"me too"}'))
        assert b"read-only" in listener.read_message().payload
        path, headers = in_header("/ws/news", show(good(camrelay={})))
        alice.upgrade(path, *headers)
        alice.send(frame(TEXT, b'{"message":"hello"}'))
        assert listener.read_message().payload == b'{"message":"hello"}'


def test_a_token_as_first_message_is_as_good(server: Server) -> None:
    """For clients that speak camrelay.v1, and no other token is."""
    for text, kinds in ((show(good()), ["error", "welcome"]), (show(good(RETIRED)), ["error"])):
        with Wire(server.port) as wire:
            wire.upgrade(TEAM, "Sec-WebSocket-Protocol: camrelay.v1")
            said = json.dumps({"type": "auth", "token": text}).encode()
            wire.send(frame(TEXT, said))
            assert [json.loads(wire.read_message().payload)["type"] for _ in kinds] == kinds


def test_a_key_that_is_retired_while_the_server_runs_ends_its_tokens(
    tmp_path: Path,
) -> None:
    """Within a second, without a restart."""
    (tmp_path / "camrelay.toml").write_text(ROUTES)
    (tmp_path / "data").mkdir(mode=0o700)
    file = write_secret(tmp_path / "data" / "keys.json", key_set(RETIRED, OWN))
    with start_relay(tmp_path) as server:
        text = show(good(RETIRED, aud=None, iss=None))
        assert outcome(by_socket(server, *in_header(TEAM, text))) == 200
        file.write_bytes(key_set(OWN))
        deadline = time.monotonic() + 10
        while outcome(by_socket(server, *in_header(TEAM, text))) != 401:
            assert time.monotonic() < deadline, "the retired key is still believed"
        server.wait_for_log(r"keys of .*keys\.json: own")


@pytest.mark.parametrize("place", ["data/keys.json", "jwks.json"])
def test_who_came_with_a_key_that_is_retired_has_to_go(tmp_path: Path, place: str) -> None:
    """Off sockets and streams, within seconds and with a reason; all others stay."""
    (tmp_path / "camrelay.toml").write_text(ROUTES)
    (tmp_path / "data").mkdir(mode=0o700)
    keys = {"data/keys.json": [OWN], "jwks.json": [public(OTHERS)]}
    files = {name: write_secret(tmp_path / name, key_set(*keys[name])) for name in keys}
    retired = RETIRED if place.startswith("data") else public(RETIRED)
    files[place].write_bytes(key_set(retired, *keys[place]))

    def bearer(members: dict[str, Any]) -> list[str]:
        return in_header(TEAM, show(good(members, aud=None, iss=None)))[1]

    with start_relay(tmp_path, "--jwks", "jwks.json") as server, ExitStack() as running:
        going, own, others = (running.enter_context(Wire(server.port)) for _ in range(3))
        for wire, members in ((going, RETIRED), (own, OWN), (others, OTHERS)):
            wire.upgrade(TEAM, *bearer(members))
        stream = running.enter_context(Api(server).listen(TEAM, *bearer(RETIRED)))
        files[place].write_bytes(key_set(*keys[place]))
        code, text = KEY_RETIRED.code, KEY_RETIRED.text.encode()
        assert going.read_to_close().payload == code.to_bytes(2, "big") + text
        assert stream.next("close").data["code"] == code
        own.send(frame(TEXT, b'{"message":"still here"}'))
        for wire in (own, others):
            assert wire.read_message().payload == b'{"message":"still here"}'
