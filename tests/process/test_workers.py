"""Several processes on one port: `--workers`, as the operator and the clients meet it."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import websocket

from tests.support.process import Process
from tests.support.redis import RedisServer
from tests.support.server import Server, clean_environment, relay_command
from tests.support.workers import (
    SECONDS,
    connect,
    connect_to_each,
    start_workers,
    wait_for_end,
    wait_for_workers,
    wait_until_heard,
)

# A kind of somebody's own that the supervisor can make and a worker cannot.
BROKEN = """
import sys
from camrelay.core.kinds.chat import Chat
if "camrelay.workers" in sys.orig_argv:
    raise OSError("no such model")
"""
# A kind of somebody's own that hangs with its first message.
HANGING = """
from camrelay.core.kinds.chat import Chat as Original
class Chat(Original):
    def read(self, *message):
        print("here it hangs")
        while True:
            pass
"""
ROUTE = '[[routes]]\npath = "/own/{room}"\nkind = "own:Chat"\n'


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for all tests here."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def workers(tmp_path: Path, redis: RedisServer) -> Iterator[Server]:
    """A camrelay with two workers that are ready."""
    with start_workers(tmp_path, redis) as server:
        yield server


@pytest.fixture
def hanging_worker(tmp_path: Path, redis: RedisServer) -> Iterator[tuple[Server, int]]:
    """A camrelay of which one worker hangs in an endless loop, and that worker's process id."""
    (tmp_path / "own.py").write_text(HANGING, "utf-8")
    (tmp_path / "camrelay.toml").write_text(ROUTE, "utf-8")
    with start_workers(tmp_path, redis) as server, closing(connect(server, "/own/hall")) as client:
        client.send('{"message": "hello"}')
        number = server.wait_for_log(r"\[worker (\d+) stdout#info\] here it hangs")[1]
        yield server, int(server.wait_for_log(rf"worker {number} starts as process (\d+)")[1])


def assert_refused(client: websocket.WebSocket, code: int) -> None:
    """The server ends the connection with a close frame."""
    opcode, payload = client.recv_data()
    assert (opcode, int.from_bytes(payload[:2])) == (websocket.ABNF.OPCODE_CLOSE, code)


def test_workers_share_port_and_rooms(workers: Server) -> None:
    """Connections to one port go to both workers, and their members are in the same room."""
    with connect_to_each(workers) as clients:
        wait_until_heard(clients[1], clients[2])
        wait_until_heard(clients[2], clients[1])


def test_addresses_are_told_once(workers: Server) -> None:
    """The supervisor tells where to connect; the workers do not repeat it."""
    assert workers.log.count("open http://localhost:") == 1


def test_killed_worker_is_replaced(workers: Server) -> None:
    """One worker dies: its clients come back at once, the others notice nothing."""
    first, second = wait_for_workers(workers, 2)
    with connect_to_each(workers, "/echo") as clients:
        number = int(workers.wait_for_log(rf"worker (\d) starts as process {first}\b")[1])
        os.kill(first, signal.SIGKILL)
        with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
            clients.pop(number).recv()
        with closing(connect(workers, "/echo")) as back:
            back.send("I am back")
            assert back.recv() == "I am back"
        (undisturbed,) = clients.values()
        undisturbed.send("what happened?")
        assert undisturbed.recv() == "what happened?"
    workers.wait_for_log(rf"worker {number} was ended by SIGKILL after .* takes its place in 0\.")
    assert wait_for_workers(workers, 3)[2] not in (first, second)


def test_worker_asked_to_end_drains(workers: Server) -> None:
    """SIGTERM to one worker ends its connections in order, and another takes its place."""
    first, _ = wait_for_workers(workers, 2)
    number = int(workers.wait_for_log(rf"worker (\d) starts as process {first}\b")[1])
    with connect_to_each(workers) as clients:
        os.kill(first, signal.SIGTERM)
        assert_refused(clients[number], 1001)
    workers.wait_for_log(rf"worker {number} ended with exit code 0 after .* takes its place")
    wait_for_workers(workers, 3)


def test_worker_that_cannot_start_does_not_spin(tmp_path: Path, redis: RedisServer) -> None:
    """The log says why a worker cannot start, and the pauses between the tries grow."""
    (tmp_path / "own.py").write_text(BROKEN, "utf-8")
    (tmp_path / "camrelay.toml").write_text(ROUTE, "utf-8")
    command = relay_command(tmp_path, "--workers", "2", "--redis", redis.url)
    with Process(command, tmp_path, clean_environment()) as server:
        pauses, end = [], 0
        while len(pauses) < 3:
            death = r"worker 1 ended with exit code 1 after .* takes its place in ([\d.]+) s"
            found = server.wait_for_log(death, SECONDS, end)
            pauses.append(float(found[1]))
            end = found.end()
        assert re.search(r"\[worker 1 .*kind of route /own/\{room\}.*no such model", server.log)
    assert pauses[0] < pauses[2]


def test_sigterm_ends_everything(workers: Server) -> None:
    """SIGTERM to the supervisor: every client gets a close frame, and no process is left."""
    pids = wait_for_workers(workers, 2)
    with connect_to_each(workers) as clients:
        workers.send_signal(signal.SIGTERM)
        for client in clients.values():
            assert_refused(client, 1001)
            client.close()
    workers.wait()
    for pid in pids:
        wait_for_end(pid)
    last_words = re.findall(r"\[worker (\d) \S+\] Main loop terminated", workers.log)
    assert sorted(last_words) == ["1", "2"]
    assert "another takes its place" not in workers.log


def test_killed_supervisor_leaves_no_worker(workers: Server) -> None:
    """Nothing tells the workers that their supervisor was killed, and they end all the same."""
    pids = wait_for_workers(workers, 2)
    with connect_to_each(workers) as clients:
        workers.send_signal(signal.SIGKILL)
        for client in clients.values():
            assert_refused(client, 1001)
    for pid in pids:
        wait_for_end(pid)


@pytest.mark.faults
def test_sigterm_ends_a_worker_that_hangs(hanging_worker: tuple[Server, int]) -> None:
    """A worker that does not listen any more is killed after a while."""
    server, pid = hanging_worker
    server.stop()
    assert "does not end: it is killed" in server.log
    wait_for_end(pid)


@pytest.mark.faults
def test_killed_supervisor_leaves_no_worker_that_hangs(
    hanging_worker: tuple[Server, int],
) -> None:
    """Even a worker that does not listen any more ends soon after its supervisor."""
    server, pid = hanging_worker
    server.send_signal(signal.SIGKILL)
    wait_for_end(pid)


def test_workers_need_redis(tmp_path: Path) -> None:
    """Without Redis there is one line that says so, and nothing listens."""
    with Process(relay_command(tmp_path, "--workers", "2"), tmp_path, clean_environment()) as said:
        assert said.wait() == 1
    assert said.log.startswith("camrelay: --workers: 2 needs Redis")
    assert said.log.count("\n") == 1


def test_unix_socket_keeps_file_and_mode(tmp_path: Path, redis: RedisServer) -> None:
    """Workers that come and go neither remove the file of a unix socket nor open it to others."""
    path = tmp_path / "relay.sock"
    listen = f"unix:{path}:mode=600"
    with start_workers(tmp_path, redis, "--listen", listen, "--port", "0") as server:
        os.kill(wait_for_workers(server, 2)[0], signal.SIGTERM)
        wait_for_workers(server, 3)
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
