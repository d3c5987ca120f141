"""How several processes leave: all of them, one of them, and one that hangs."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import websocket

from tests.support.admin import ADMIN, ask_admin, wait_for_status
from tests.support.redis import RedisServer
from tests.support.server import Server
from tests.support.workers import (
    CONNECT,
    SECONDS,
    connect,
    connect_to_each,
    start_workers,
    wait_for_workers,
)

SECONDS_TO_NOTICE = 60.0
# A kind of somebody's own that hangs with its first message.
HANGING = """
from camrelay.core.kinds.chat import Chat as Original
class Chat(Original):
    def read(self, *message):
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
    """A camrelay with two workers that are ready, and need a minute to drain."""
    with start_workers(tmp_path, redis, *ADMIN, "--drain-time", "60") as server:
        yield server
        server.kill()


def close_reason(client: websocket.WebSocket) -> str:
    """Why the server ended the connection; with code 1001."""
    opcode, payload = client.recv_data()
    assert (opcode, int.from_bytes(payload[:2])) == (websocket.ABNF.OPCODE_CLOSE, 1001)
    return str(payload[2:], "utf-8")


def assert_may_come_back_now(client: websocket.WebSocket) -> None:
    """It is sent away, and within a second it may return."""
    reason = close_reason(client)
    client.close()
    found = re.search(r"come back in (\d+) ms", reason)
    assert found, reason
    assert int(found[1]) <= 1000


def test_the_status_is_that_of_all_workers(workers: Server) -> None:
    """Every worker with what it says about itself, and their connections together."""
    with connect_to_each(workers):
        status = wait_for_status(workers, state="ready", connections=2)
    assert status["pid"] == workers.pid
    assert [worker["number"] for worker in status["workers"]] == [1, 2]
    assert {worker["pid"] for worker in status["workers"]} == set(wait_for_workers(workers, 2))
    assert {worker["redis"] for worker in status["workers"]} == {"up"}


def test_newcomers_are_told_when_to_come_back(workers: Server) -> None:
    """While the workers drain the port answers, with 503 and Retry-After."""
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(connect(workers))) for _ in range(6)]
        workers.send_signal(signal.SIGTERM)
        wait_for_status(workers, state="draining")
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            while True:
                connect(workers).close()
        assert refused.value.status_code == 503
        assert int(refused.value.resp_headers["retry-after"]) > 30
        workers.send_signal(signal.SIGTERM)
        for client in clients:
            assert "come back in" in close_reason(client)
            client.close()
    assert workers.wait() == 0


def test_a_worker_that_is_renewed_refuses_nobody(workers: Server) -> None:
    """SIGTERM to one worker: the others take the newcomers, and its clients may come back now."""
    with connect_to_each(workers) as first, connect_to_each(workers) as second:
        pid = wait_for_workers(workers, 2)[0]
        number = int(workers.wait_for_log(rf"worker (\d) starts as process {pid}\b")[1])
        os.kill(pid, signal.SIGTERM)
        assert_may_come_back_now(first[number])
        for _ in range(20):
            start = len(workers.log)
            connect(workers).close()
            assert int(workers.wait_for_log(CONNECT, SECONDS, start)["number"]) != number
        second[number].send('{"message": "still here"}')
        second[number].recv()
        os.kill(pid, signal.SIGTERM)
        assert_may_come_back_now(second[number])


def test_drain_over_the_admin_listener_ends_everything(workers: Server) -> None:
    """As SIGTERM does; the answer says that it has begun."""
    assert ask_admin(workers, "POST", "/drain")[0] == 202
    assert workers.wait() == 0


@pytest.mark.faults
def test_a_worker_that_hangs_is_replaced(tmp_path: Path, redis: RedisServer) -> None:
    """It is noticed, says where it hangs, is killed, and another one serves."""
    (tmp_path / "own.py").write_text(HANGING, "utf-8")
    (tmp_path / "camrelay.toml").write_text(ROUTE, "utf-8")
    with start_workers(tmp_path, redis) as server, closing(connect(server, "/own/hall")) as client:
        client.send('{"message": "hello"}')
        server.wait_for_log(r"worker \d has not reported for 30 s", SECONDS_TO_NOTICE)
        server.wait_for_log(r'output#warn\].*own\.py", line \d+ in read', SECONDS)
        server.wait_for_log(r"worker \d was ended by SIGABRT after .*; another takes its place")
        wait_for_workers(server, 3)
