"""The ways to start several workers: what listens, what starts them, and where the log goes."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import websocket

from tests.support.process import Process
from tests.support.redis import RedisServer
from tests.support.server import Server, clean_environment, relay_command
from tests.support.workers import SECONDS, connect, connect_to_each, start_workers, wait_for_workers

TWISTD = str(Path(sys.executable).with_name("twistd"))
TWIST = str(Path(sys.executable).with_name("twist"))
TAC = Path(__file__).parents[2] / "camrelay.tac"

# systemd's part in socket activation, for one socket: see sd_listen_fds(3).
ACTIVATE = """
import os, socket, sys
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="https")
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for all tests here."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


def assert_echo(client: websocket.WebSocket) -> None:
    """The connection works."""
    with closing(client):
        client.send("hello")
        assert client.recv() == "hello"


def test_tls(tmp_path: Path, redis: RedisServer) -> None:
    """All workers show the certificate that the supervisor made, and the log names it once."""
    with (
        start_workers(tmp_path, redis, "--tls") as server,
        connect_to_each(server, "/echo") as clients,
    ):
        for client in clients.values():
            assert_echo(client)
        assert server.log.count("authority fingerprint") == 1


def test_every_kind_of_endpoint(tmp_path: Path, redis: RedisServer) -> None:
    """A port with TLS, one without and a unix socket are served by the same workers."""
    path = tmp_path / "relay.sock"
    endpoints = ("tls+tcp:0", "tcp:0:interface=127.0.0.1", f"unix:{path}")
    options = [f"--listen={endpoint}" for endpoint in endpoints]
    with start_workers(tmp_path, redis, *options) as server, socket.socket(socket.AF_UNIX) as unix:
        _, (_, plain_port) = server.ports()
        assert server.secure
        assert_echo(connect(server, "/echo"))
        assert_echo(websocket.create_connection(f"ws://localhost:{plain_port}/echo", SECONDS))
        unix.connect(str(path))
        assert_echo(websocket.create_connection("ws://localhost/echo", SECONDS, socket=unix))


def test_systemd_socket(tmp_path: Path, redis: RedisServer) -> None:
    """A socket that systemd has opened is passed on to the workers."""
    options = ("--listen", "systemd:domain=INET:name=https", "--workers=2", "--redis", redis.url)
    command = [sys.executable, "-c", ACTIVATE, *relay_command(tmp_path, *options)]
    with Server(command, tmp_path) as server:
        wait_for_workers(server, 2)
        with connect_to_each(server, "/echo") as clients:
            for client in clients.values():
                assert_echo(client)


@pytest.mark.parametrize(
    "command",
    [
        [TWIST, "--log-format=text", "camrelay"],
        [sys.executable, "-m", "camrelay"],
        [sys.executable, TWISTD, "-n", "--pidfile=", "--reactor=poll", "camrelay"],
    ],
    ids=["twist", "python -m camrelay", "twistd with another reactor"],
)
def test_other_commands(tmp_path: Path, redis: RedisServer, command: list[str]) -> None:
    """Whatever starts the supervisor, workers come with it."""
    options = ["--port=0", "--workers=2", "--redis", redis.url, "--data-dir", str(tmp_path)]
    with Server([*command, *options], tmp_path) as server:
        wait_for_workers(server, 2)
        assert_echo(connect(server, "/echo"))


def test_tac_file(tmp_path: Path, redis: RedisServer) -> None:
    """`twistd -y camrelay.tac` takes --workers too."""
    command = [sys.executable, TWISTD, "-n", "--pidfile=", "-y", str(TAC)]
    given = f"--port=0 --workers=2 --redis={redis.url} --data-dir={tmp_path}"
    with Server(command, tmp_path, CAMRELAY_ARGS=given) as server:
        wait_for_workers(server, 2)
        assert_echo(connect(server, "/echo"))


def test_json_log(tmp_path: Path, redis: RedisServer) -> None:
    """Each line of a worker is a JSON object with the fields it always has, and the number."""
    options = ("--workers=2", "--log-format=json", "--redis", redis.url)
    command = relay_command(tmp_path, *options)
    with Server(command, tmp_path) as server, closing(connect(server)):
        line = server.wait_for_log(r'.*"event": "connect".*', SECONDS)[0]
    event = json.loads(line)
    assert (event["room"], event["level"]) == ("/ws/chat/hall", "info")
    assert event["worker"] in (1, 2)


def test_log_file(tmp_path: Path, redis: RedisServer) -> None:
    """With `twistd --logfile` the lines of all workers go to that file, and nowhere else."""
    file = tmp_path / "relay.log"
    file.touch()
    options = ("--port=0", "--workers=2", "--redis", redis.url, "--data-dir", str(tmp_path))
    command = [sys.executable, TWISTD, "-n", "--pidfile=", f"--logfile={file}", "camrelay"]
    follow = ["tail", "-F", "-n", "+1", str(file)]
    with (
        Process([*command, *options], tmp_path, clean_environment()) as twistd,
        Server(follow, tmp_path) as server,
    ):
        wait_for_workers(server, 2)
        with connect_to_each(server):
            assert twistd.log == ""
