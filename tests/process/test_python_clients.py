"""Real Python clients, unchanged: websocket-client at a real relay over TLS."""

import json
import re
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
import websocket

from tests.conftest import StartRelay
from tests.support.process import Process
from tests.support.server import Server, clean_environment, start_relay

CHECKOUT = Path(__file__).parents[2]
TYPED_ECHO = CHECKOUT / "tests" / "clients" / "typed_echo.py"
EXAMPLES = CHECKOUT / "deploy" / "examples" / "python"


@pytest.fixture(scope="module")
def secure_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A camrelay on TLS with its own development certificate authority."""
    with start_relay(tmp_path_factory.mktemp("relay"), "--tls") as server:
        yield server


def address(server: Server, path: str) -> str:
    """The URL of `path` on `server`."""
    return f"wss://localhost:{server.port}{quote(path)}"


def connect(server: Server, path: str, **options: object) -> websocket.WebSocket:
    """A connection that trusts the development authority and waits ten seconds for anything."""
    tls = {"ca_certs": str(server.authority)}
    return websocket.create_connection(address(server, path), timeout=10, sslopt=tls, **options)


def start(script: Path, *arguments: str) -> Process:
    """A Python program of its own."""
    command = [sys.executable, str(script), *arguments]
    return Process(command, script.parent, clean_environment())


@pytest.fixture
def terminal(secure_relay: Server) -> Iterator[Process]:
    """The desktop client, connected to the JSON echo."""
    url = address(secure_relay, "/websock1-2/")
    with start(TYPED_ECHO, url, str(secure_relay.authority)) as program:
        program.wait_for_log("open\n")
        yield program


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ('{"x":1}', "Echo: {'x': 1}"),
        ('[1,"a",true,null,1.5]', "Echo: [1, 'a', True, None, 1.5]"),
        ('"s"', "Echo: s"),
        ("42", "Echo: 42"),
        ('{"name":"日本"}', "Echo: {'name': '日本'}"),
    ],
)
def test_the_json_echo_answers_in_the_notation_of_python(
    terminal: Process, typed: str, answer: str
) -> None:
    """Any JSON document that is typed comes back as Python prints it."""
    terminal.type_line(typed)
    terminal.wait_for_log(f"< {re.escape(answer)}\n")


def test_the_json_echo_names_line_and_column_and_stays_connected(terminal: Process) -> None:
    """Bad JSON is answered with the place of the mistake; the next line is echoed as ever."""
    terminal.type_line('{"x"=1}')
    terminal.wait_for_log(r"< .*line 1 column 5.*\n")
    terminal.type_line('{"x":1}')
    terminal.wait_for_log(r"< Echo: \{'x': 1\}\n")
    assert "closed" not in terminal.log


def test_a_program_that_is_ended_closes_its_connection_cleanly(relay_with: StartRelay) -> None:
    """SIGTERM, as Ctrl-C, closes with 1000 and ends the program without any other error."""
    server = relay_with("--tls")
    with start(TYPED_ECHO, address(server, "/websock1-2/"), str(server.authority)) as program:
        program.wait_for_log("open\n")
        program.stop()
        server.wait_for_log(r"disconnect /websock1-2\b.* code 1000\b")
        assert program.log == "open\nerror KeyboardInterrupt()\nclosed None None\n"


def test_a_server_that_is_ended_says_so(relay_with: StartRelay) -> None:
    """SIGTERM at the server reaches the program as close code 1001; both end by themselves."""
    server = relay_with("--tls")
    with start(TYPED_ECHO, address(server, "/websock1-2/"), str(server.authority)) as program:
        program.wait_for_log("open\n")
        server.stop()
        program.wait_for_log(r"closed 1001 ")
        assert program.wait() == 0


@pytest.mark.parametrize("path", ["/websock1-2", "/websock1-2/"])
def test_the_json_echo_needs_no_trailing_slash(secure_relay: Server, path: str) -> None:
    """Both spellings of the path are accepted at once: `redirect_limit` 0 would show another."""
    with closing(connect(secure_relay, path, redirect_limit=0)) as connection:
        connection.send("[1]")
        assert connection.recv() == "Echo: [1]"


@pytest.mark.parametrize("suppress_origin", [False, True])
def test_a_program_is_accepted_with_and_without_origin(
    secure_relay: Server, suppress_origin: bool
) -> None:
    """websocket-client sends the server's own address as Origin unless it is told not to."""
    options = {"suppress_origin": suppress_origin}
    with closing(connect(secure_relay, "/echo", **options)) as connection:
        connection.send("here")
        assert connection.recv() == "here"


@pytest.mark.parametrize("room", ["lobby", "a-b", "日本語"])
def test_a_chat_message_reaches_everyone_in_the_room_once(secure_relay: Server, room: str) -> None:
    """The sender and the others get the same `{"message": ...}`, in the order it was said."""
    path = f"/ws/chat/{room}/"
    said = [{"message": "hello"}, {"message": "元気?"}, {"message": "bye"}]
    with (
        closing(connect(secure_relay, path)) as speaker,
        closing(connect(secure_relay, path)) as listener,
    ):
        for message in said:
            speaker.send(json.dumps(message))
        for member in (speaker, listener):
            assert [json.loads(member.recv()) for _ in said] == said


def test_a_chat_room_survives_what_is_no_chat(secure_relay: Server) -> None:
    """Bad input is dropped: the next message is the first that arrives."""
    with closing(connect(secure_relay, "/ws/chat/survivors")) as connection:
        for bad in ("", "   ", "{", "[1]", "42", '{"text":"x"}', '{"message":'):
            connection.send(bad)
        connection.send_binary(b'{"message":"binary"}')
        connection.send('{"message":"still here"}')
        assert json.loads(connection.recv()) == {"message": "still here"}


def test_a_stranger_is_not_trusted(secure_relay: Server) -> None:
    """Without the development authority the certificate is refused: it is no blanket trust."""
    with pytest.raises(ssl.SSLCertVerificationError):
        websocket.create_connection(address(secure_relay, "/echo"), timeout=10)


def test_the_sample_viewer_sees_the_sample_camera(secure_relay: Server) -> None:
    """The two programs that are shipped as examples find each other, in a room of their own."""
    url, trust = address(secure_relay, "/ws/camera/examples"), ("--ca", str(secure_relay.authority))
    with start(EXAMPLES / "camera.py", url, *trust) as camera:
        camera.wait_for_log(r'"id": ?"python"')
        with start(EXAMPLES / "viewer.py", url, *trust) as viewer:
            viewer.wait_for_log(r"(python: -?[01]\.\d\d 1\.60 -?[01]\.\d\d\n){5}")
