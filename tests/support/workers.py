"""A camrelay of several processes, and what its log tells about them."""

import json
import os
import re
import secrets
import select
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import websocket

from tests.support.process import Process
from tests.support.redis import RedisServer
from tests.support.server import Server, start_relay

READY = re.compile(r"\[worker (?P<number>\d+) camrelay#info\] ready as process (?P<pid>\d+)")
CONNECT = re.compile(r"\[worker (?P<number>\d+) camrelay#info\] connect ")
SECONDS = 20.0
MOST_CONNECTIONS = 400
SECONDS_BETWEEN_CALLS = 0.2


@contextmanager
def start_workers(directory: Path, redis: RedisServer, *options: str) -> Iterator[Server]:
    """A camrelay with two workers that are ready."""
    with start_relay(directory, "--workers", "2", "--redis", redis.url, *options) as server:
        wait_for_workers(server, 2)
        yield server


def wait_for_workers(server: Process, count: int) -> list[int]:
    """The process ids of the first `count` workers that got ready."""
    end = 0
    pids = []
    for _ in range(count):
        found = server.wait_for_log(READY, SECONDS, end)
        end = found.end()
        pids.append(int(found["pid"]))
    return pids


def wait_for_end(pid: int) -> None:
    """Return when a process that is no child of ours has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended = select.poll()  # select() takes no descriptor above 1023
        ended.register(descriptor, select.POLLIN)
        assert ended.poll(SECONDS * 1000), f"process {pid} lives on"
    finally:
        os.close(descriptor)


def connect(server: Server, path: str = "/ws/chat/hall") -> websocket.WebSocket:
    """A client."""
    scheme = "wss" if server.secure else "ws"
    return websocket.create_connection(
        f"{scheme}://localhost:{server.port}{path}",
        timeout=SECONDS,
        sslopt={"ca_certs": str(server.authority)} if server.secure else None,
    )


@contextmanager
def connect_to_each(
    server: Server, path: str = "/ws/chat/hall"
) -> Iterator[dict[int, websocket.WebSocket]]:
    """A client of each of two workers, by the worker's number."""
    clients: dict[int, websocket.WebSocket] = {}
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            start = len(server.log)
            client = stack.enter_context(closing(connect(server, path)))
            number = int(server.wait_for_log(CONNECT, SECONDS, start)["number"])
            if number in clients:
                client.close()
            clients.setdefault(number, client)
            if len(clients) == 2:
                break
        assert len(clients) == 2, f"{MOST_CONNECTIONS} connections, all at worker {set(clients)}"
        yield clients


def wait_until_heard(speaker: websocket.WebSocket, listener: websocket.WebSocket) -> None:
    """Return when the two are known to be in one room.

    A worker asks Redis for a room when its first member is there already; until Redis has
    answered, that member hears only this worker.
    """
    call = f"can you hear me? {secrets.token_hex(4)}"
    listener.settimeout(SECONDS_BETWEEN_CALLS)
    for _ in range(int(SECONDS / SECONDS_BETWEEN_CALLS)):
        speaker.send(json.dumps({"message": call}))
        with suppress(websocket.WebSocketTimeoutException):
            while call not in listener.recv():
                continue
            listener.settimeout(SECONDS)
            return
    raise AssertionError(f"nothing was heard in {SECONDS} s")
