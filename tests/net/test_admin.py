"""The admin listener: who is answered, and what."""

import http.client
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.threads import deferToThread

from camrelay.core.errors import StartError
from camrelay.net.admin import AdminTable, Answer, admin_listener, admin_site, in_json, in_words

SECONDS_TO_WAIT = 10.0
TCP = "tcp:0:interface=127.0.0.1"


class Late:
    """An answer that never comes; tells when it is waited for, and when it is not any more."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self.awaited: Deferred[None] = Deferred()
        self.cancelled: Deferred[None] = Deferred()

    def __call__(self) -> Deferred[Answer]:
        """Somebody asks."""
        self.awaited.callback(None)
        return Deferred(lambda _: self.cancelled.callback(None))


late = Late()


def broken() -> Answer:
    """A bug."""
    raise RuntimeError("secret")


TABLE: AdminTable = {
    ("GET", "/status"): lambda: in_json({"state": "ready"}),
    ("GET", "/soon"): lambda: succeed(in_words("here it is")),
    ("GET", "/late"): late,
    ("GET", "/broken"): broken,
    ("POST", "/drain"): lambda: in_words("draining", 202),
}


class Said(NamedTuple):
    """An answer as the client sees it."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Admin:
    """The listener under test."""

    def __init__(self, text: str) -> None:
        """Listens at once."""
        listener = admin_listener(reactor, text, anywhere=False)
        listening: Any = listener.endpoint.listen(admin_site(reactor, TABLE))
        self.port: Any = listening.result

    async def ask(self, method: str, path: str, **headers: str) -> Said:
        """One request."""
        said: Said = await deferToThread(_ask, self.port.getHost().port, method, path, headers)
        return said


def _ask(port: int, method: str, path: str, headers: dict[str, str]) -> Said:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_TO_WAIT)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return Said(response.status, response.headers, response.read())


@pytest_twisted.async_yield_fixture
async def admin() -> AsyncIterator[Admin]:
    """An admin listener on a free port of this machine."""
    made = Admin(TCP)
    yield made
    await maybeDeferred(made.port.stopListening)


@pytest_twisted.ensureDeferred
async def test_a_path_of_the_table_is_answered(admin: Admin) -> None:
    """With what its function returns, with and without a slash behind it."""
    for path in ("/status", "/status/"):
        said = await admin.ask("GET", path)
        assert said.status == 200
        assert said.headers["Content-Type"] == "application/json"
        assert json.loads(said.body) == {"state": "ready"}


@pytest_twisted.ensureDeferred
async def test_an_answer_may_come_later(admin: Admin) -> None:
    """The function may return a Deferred."""
    assert (await admin.ask("GET", "/soon")).body == b"here it is\n"


@pytest_twisted.ensureDeferred
async def test_head_is_answered_like_get(admin: Admin) -> None:
    """Without the body, as monitors ask."""
    said = await admin.ask("HEAD", "/status")
    assert (said.status, said.body) == (200, b"")
    assert int(said.headers["Content-Length"]) > 0


@pytest_twisted.ensureDeferred
async def test_another_method_is_told_which_to_use(admin: Admin) -> None:
    """Nothing is drained by a GET."""
    said = await admin.ask("GET", "/drain")
    assert (said.status, said.headers["Allow"]) == (405, "POST")
    assert (await admin.ask("POST", "/drain")).status == 202


@pytest_twisted.ensureDeferred
async def test_an_unknown_path_is_told_what_there_is(admin: Admin) -> None:
    """Whoever mistypes sees the whole list."""
    said = await admin.ask("GET", "/stats")
    assert said.status == 404
    assert b"GET /status\n" in said.body
    assert b"POST /drain\n" in said.body


@pytest_twisted.ensureDeferred
async def test_a_bug_stays_in_the_log(admin: Admin) -> None:
    """The client learns that there was one, and nothing about it."""
    said = await admin.ask("GET", "/broken")
    assert said.status == 500
    assert b"secret" not in said.body


@pytest_twisted.ensureDeferred
async def test_a_client_that_left_cancels_its_question(admin: Admin) -> None:
    """Nobody works on an answer that nobody waits for."""
    with socket.create_connection(("127.0.0.1", admin.port.getHost().port)) as client:
        client.sendall(b"GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await late.awaited
    await late.cancelled


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "rebound.evil.example"},
        {"Host": "localhost.evil.example:80"},
    ],
    ids=str,
)
@pytest_twisted.ensureDeferred
async def test_web_pages_are_not_answered(admin: Admin, headers: dict[str, str]) -> None:
    """A page in a browser of this machine can reach the port, under whatever name."""
    assert (await admin.ask("POST", "/drain", **headers)).status == 403


@pytest_twisted.ensureDeferred
async def test_a_unix_socket_is_its_owners(tmp_path: Path) -> None:
    """Mode 600, unless the endpoint says otherwise."""
    for text, mode in ((f"unix:{tmp_path}/a", 0o600), (f"unix:{tmp_path}/b:mode=660", 0o660)):
        port = Admin(text).port
        assert Path(port.getHost().name.decode()).stat().st_mode & 0o777 == mode
        await maybeDeferred(port.stopListening)


@pytest.mark.parametrize(
    "text", ["tcp:9443", "tcp:9443:interface=0.0.0.0", "tcp6:9443", "tcp:9443:interface=relay"]
)
def test_other_machines_are_kept_out(text: str) -> None:
    """A port that they reach has to be asked for in so many words."""
    with pytest.raises(StartError, match=r"can be reached from other machines.*--admin-anywhere"):
        admin_listener(reactor, text, anywhere=False)
    assert admin_listener(reactor, text, anywhere=True).name == text


@pytest.mark.parametrize("text", ["tcp6:0:interface=\\:\\:1", "tcp:0:interface=127.0.0.5"])
def test_this_machine_is_let_in(text: str) -> None:
    """All of its own addresses will do."""
    assert admin_listener(reactor, text, anywhere=False).name == text


@pytest.mark.parametrize("text", ["9443", "tls+tcp:9443", "unix", "tcp:x:interface=127.0.0.1"])
def test_what_is_no_admin_endpoint_stops_the_start(text: str) -> None:
    """With examples of good ones."""
    with pytest.raises(StartError, match=r"write unix:/run/camrelay/admin.sock or tcp:9443:inter"):
        admin_listener(reactor, text, anywhere=False)
