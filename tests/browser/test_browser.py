"""The pages in a real Chromium, on a real relay over TLS. Each test runs a script beside it."""

import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from camrelay.core.errors import Denied
from camrelay.core.names import room_name
from tests.support.process import Process
from tests.support.server import Server, clean_environment, start_relay

HERE = Path(__file__).parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS_FOR_A_SCRIPT = 60.0
MISSING = (
    "no browser to test with: install Node.js 20 and Chromium (apt-get install nodejs npm "
    "chromium), then run: npm ci --prefix tests/browser"
)
CLOSED_ROOMS = """
[[routes]]
path = "/ws/chat/members"
kind = "chat"
access = "signed-in"

[[routes]]
path = "/ws/chat/stage"
kind = "chat"
publish = ["the-speaker"]

[[routes]]
path = "/ws/chat/board"
kind = "chat"
access = "token"
"""
RunScript = Callable[[str, Server], Process]


@pytest.fixture
def run() -> Iterator[RunScript]:
    """Start a script with the browser of this machine: `run("chat.js", server)`."""
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    node = shutil.which("node")
    if not (node and chromium and (HERE / "node_modules" / "playwright-core").exists()):
        pytest.skip(MISSING)
    with ExitStack() as running:

        def start(script: str, server: Server) -> Process:
            base = f"https://localhost:{server.port}"
            command = [node, str(HERE / script), chromium, base]
            return running.enter_context(Process(command, HERE, clean_environment()))

        yield start


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A camrelay on TLS, shared by the tests of this file."""
    with start_relay(tmp_path_factory.mktemp("relay"), "--tls") as server:
        yield server


def test_three_tabs_chat_in_a_japanese_room(run: RunScript, relay: Server) -> None:
    """Each tab sees every message exactly once, as text, and the input is cleared."""
    assert_passes(run("chat.js", relay))


def test_a_room_is_asked_for_in_words(run: RunScript, relay: Server) -> None:
    """What is no room name is told to the person; the page and the server have the same rule."""
    script = run("rooms.js", relay)
    allowed = json.loads(script.wait_for_log(r"allowed (\[.*\])\n", SECONDS_FOR_A_SCRIPT)[1])
    assert_passes(script)
    # Browser and Python may know different versions of Unicode: a character must be in both.
    known = {point for point in range(0x110000) if unicodedata.category(chr(point)) != "Cn"}
    assert {point for point in known if _is_allowed(point)} == set(allowed) & known


def _is_allowed(point: int) -> bool:
    try:
        return bool(room_name(f"a{chr(point)}"))
    except Denied:
        return False


def test_a_tab_sees_the_camera_that_another_tab_plays(run: RunScript, relay: Server) -> None:
    """Circle and numbers move; ids tell cameras apart; who falls silent leaves the list."""
    assert_passes(run("cameras.js", relay))


def test_the_socket_knows_when_to_come_back(run: RunScript, relay: Server) -> None:
    """At once when the browser is back online; never after a close code that forbids it."""
    assert_passes(run("sockets.js", relay))


def test_a_tab_goes_on_where_it_was(run: RunScript, relay: Server) -> None:
    """What was said before is there; what was said in a tunnel comes once, under a mark."""
    assert_passes(run("resume.js", relay))


def test_a_person_takes_a_name(run: RunScript, relay: Server) -> None:
    """Others see it beside what is said; it is kept, changed and given back without a loss."""
    assert_passes(run("names.js", relay))


def test_a_page_says_why_a_room_is_closed(run: RunScript, tmp_path: Path) -> None:
    """It asks for a name where that helps, and gives the reason where it does not."""
    (tmp_path / "camrelay.toml").write_text(CLOSED_ROOMS, "utf-8")
    with start_relay(tmp_path, "--tls", "--config", "camrelay.toml") as server:
        assert_passes(run("doors.js", server))


def test_a_browser_hears_when_to_come_back(run: RunScript, tmp_path: Path) -> None:
    """A server that is stopped closes with 1001 and a time, which any page can read."""
    with start_relay(tmp_path, "--tls", "--drain-time", "1") as server:
        script = run("going_away.js", server)
        script.wait_for_log("stop the server", SECONDS_FOR_A_SCRIPT)
        assert server.stop() == 0
        script.type_line("stopped")
        assert_passes(script)


def test_a_chat_survives_a_restart_of_the_server(run: RunScript, tmp_path: Path) -> None:
    """What was typed meanwhile is sent once, in order; what is too much is refused visibly."""
    run_through_a_restart(run, "restart.js", tmp_path)


def test_an_event_source_survives_a_restart_of_the_server(run: RunScript, tmp_path: Path) -> None:
    """It hears what is said and who is there, and goes on behind the last event by itself."""
    run_through_a_restart(run, "events.js", tmp_path)


def run_through_a_restart(run: RunScript, name: str, folder: Path) -> None:
    """Run a script that says when the server is to be stopped, and started again."""
    with ExitStack() as first:
        server = first.enter_context(start_relay(folder, "--tls"))
        script = run(name, server)
        script.wait_for_log("stop the server", SECONDS_FOR_A_SCRIPT)
        port = server.port
    script.type_line("stopped")
    script.wait_for_log("start the server", SECONDS_FOR_A_SCRIPT)
    with start_relay(folder, "--tls", "--port", str(port)):
        script.type_line("started")
        assert_passes(script)


def assert_passes(script: Process) -> None:
    """A script ends with code 0 when all it looked at was right; else it says what was not."""
    assert script.wait(SECONDS_FOR_A_SCRIPT) == 0, script.log
