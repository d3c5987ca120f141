"""The example of a worker that stores what is said before anybody hears it, on whole processes."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.api import Api, bearer, start_api
from tests.support.pair import hear, line, say
from tests.support.process import Process
from tests.support.redis import RedisServer, redis_server
from tests.support.wire import Wire
from tests.support.worker import worker_command, worker_environment

__all__ = ["redis_server"]

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
ROOM = "/ws/chat/lobby"


class Setting:
    """A server, a worker that runs the example, and a member of the room."""

    def __init__(self, api: Api, worker: Process, member: Wire, folder: Path) -> None:
        """All of them run."""
        self.api = api
        self.worker = worker
        self.member = member
        self._folder = folder

    def send(self, message: object) -> None:
        """As the program of the example sends it."""
        answer = self.api.post("/api/channels/said", message, bearer("web", send="said"))
        assert answer.status == 200

    def stored(self) -> list[tuple[str, ...]]:
        """What is in the database."""
        with sqlite3.connect(self._folder / "chat.sqlite") as database:
            return database.execute("SELECT room, user, text FROM said").fetchall()


@pytest.fixture
def setting(redis_server: RedisServer, tmp_path: Path) -> Iterator[Setting]:
    """Started as the example says, with the routes that the page beside it names."""
    page = (EXAMPLES / "README.md").read_text("utf-8")
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found
    folder = tmp_path / "worker"
    folder.mkdir()
    options = ("--channel", "said", "--dead-letter", "not-stored", "store_then_say:store_then_say")
    environment = worker_environment() | {
        "REDIS_URL": redis_server.url,
        "PYTHONPATH": str(EXAMPLES / "python"),
    }
    with ExitStack() as running:
        served = start_api(tmp_path / "relay", "--redis", redis_server.url, routes=found[1])
        api = running.enter_context(served)
        worker = running.enter_context(Process(worker_command(*options), folder, environment))
        for process in (api.server, worker):
            process.wait_for_log("is up")
        member = running.enter_context(api.wire())
        member.upgrade(f"{ROOM}?errors=1")
        yield Setting(api, worker, member, folder)


def test_what_is_heard_is_stored(setting: Setting) -> None:
    """Each message, in the order in which they were sent."""
    for number in range(3):
        setting.send({"room": "lobby", "user": "Ana", "text": f"hello {number}"})
        assert hear(setting.member) == line(f"[Ana] hello {number}")
        assert setting.stored()[number:] == [("lobby", "Ana", f"hello {number}")]


def test_what_cannot_be_stored_is_not_heard(setting: Setting) -> None:
    """It is kept for the operator; the next one is heard."""
    setting.send({"room": "lobby", "text": "by nobody"})
    setting.send({"room": "lobby", "user": "Ben", "text": "by Ben"})
    assert hear(setting.member) == line("[Ben] by Ben")
    kept = setting.api.post("/api/channels/not-stored/receive?wait=20", b"", bearer(receive="*"))
    assert json.loads(kept.body) == {"room": "lobby", "text": "by nobody"}


def test_nobody_says_what_is_not_stored(setting: Setting) -> None:
    """Members of the room listen."""
    say(setting.member, line("behind the back of the worker"))
    assert hear(setting.member)["error"]["reason"] == "read-only"
