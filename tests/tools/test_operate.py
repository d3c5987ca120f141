"""`camrelay status` and `camrelay drain`, as an operator types them."""

import json
import time
from pathlib import Path

import pytest

from camrelay.core.errors import StartError
from camrelay.tools.admin_client import AdminClient
from tests.conftest import StartRelay
from tests.support.admin import ADMIN_LINE
from tests.support.clients import chat_client
from tests.support.redis import RedisServer
from tests.support.server import Server
from tests.support.workers import connect_to_each, start_workers
from tests.tools.commands import run_camrelay

SECONDS = 20.0


@pytest.fixture
def admin(tmp_path: Path) -> str:
    """Where to answer the operator."""
    return f"unix:{tmp_path}/admin.sock"


@pytest.fixture
def server(relay_with: StartRelay, admin: str) -> Server:
    """A camrelay that answers there."""
    return relay_with("--admin", admin, "--drain-time", "2")


def test_the_status_in_words(server: Server, admin: str) -> None:
    """State, numbers, version and process, and who is where."""
    with chat_client(server):
        ran = run_camrelay("status", "--admin", admin)
    first, second, room = ran.stdout.splitlines()
    assert ran.returncode == 0
    assert first.startswith("ready, 1 connection in 1 room, for ")
    assert second.endswith(f", process {server.pid}")
    assert room.strip() == "1 in /ws/chat/hall"


def test_the_status_for_programs(server: Server, admin: str) -> None:
    """The environment says where, as it does to the server."""
    ran = run_camrelay("status", "--json", CAMRELAY_ADMIN=admin)
    assert json.loads(ran.stdout)["state"] == "ready"


def test_a_server_that_goes_away_is_not_ready(relay_with: StartRelay, admin: str) -> None:
    """Exit code 3, and the reason."""
    server = relay_with("--admin", admin, "--drain-time", "60")
    with chat_client(server), chat_client(server):
        run_camrelay("drain", "--no-wait", "--admin", admin)
        ran = run_camrelay("status", "--admin", admin)
    assert ran.returncode == 3
    assert ran.stdout.startswith("draining, ")
    assert "not ready: the server is going away\n" in ran.stdout


def test_a_drain_is_followed_to_its_end(server: Server, admin: str) -> None:
    """When the command returns the process has ended."""
    with chat_client(server), chat_client(server):
        ran = run_camrelay("drain", "--admin", admin)
    assert ran.stdout.startswith("2 connections to close\n")
    assert ran.stdout.endswith("the server has ended\n")
    assert server.wait() == 0


def test_over_tcp(relay_with: StartRelay) -> None:
    """The port of --admin, as it was written there."""
    server = relay_with("--admin", "tcp:0:interface=127.0.0.1")
    port = server.wait_for_log(ADMIN_LINE)[1]
    assert run_camrelay("status", "--admin", f"tcp:{port}:interface=127.0.0.1").returncode == 0


def test_the_rooms_of_all_workers_are_told(tmp_path: Path, admin: str) -> None:
    """Together: which worker somebody is at matters to nobody."""
    with (
        RedisServer(tmp_path) as redis,
        start_workers(tmp_path, redis, "--admin", admin) as server,
        connect_to_each(server),
    ):
        deadline = time.monotonic() + SECONDS
        while "     2 in /ws/chat/hall\n" not in run_camrelay("status", "--admin", admin).stdout:
            assert time.monotonic() < deadline, "the workers do not report it"


@pytest.mark.parametrize("command", ["status", "drain"])
def test_nobody_there_is_told_in_one_line(tmp_path: Path, command: str) -> None:
    """With the place, and exit code 1."""
    ran = run_camrelay(command, "--admin", f"unix:{tmp_path}/nobody")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert ran.stderr.startswith(f"Error: no server answers at unix:{tmp_path}/nobody (")


@pytest.mark.parametrize("endpoint", ["", "9443", "tcp:http", "unix", "systemd:name=admin"])
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    """With examples of good ones."""
    with pytest.raises(StartError, match=r"write unix:/run/camrelay/admin.sock or tcp:9443"):
        AdminClient(endpoint)
