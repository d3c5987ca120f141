"""Real `twistd camrelay-worker` processes, and the functions that they call."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.process import SECONDS_FOR_A_LINE, Process
from tests.support.redis import RedisServer
from tests.support.server import clean_environment

JOBS = '''
import asyncio, os, sys, threading, time
from pathlib import Path
from twisted.internet import defer, reactor, task

def tell(message):
    here = "main" if threading.current_thread() is threading.main_thread() else "a thread"
    print("did", message, "in", here, flush=True)

def plain(message):
    tell(message)

async def coroutine(message):
    await task.deferLater(reactor, 0)
    tell(message)

def deferred(message) -> defer.Deferred[None]:
    return task.deferLater(reactor, 0, tell, message)

@defer.inlineCallbacks
def generator(message):
    yield task.deferLater(reactor, 0)
    tell(message)

def undeclared(message):
    return defer.succeed(None)

def careless(message):
    if message.startswith(b"bad"):
        raise ZeroDivisionError("careless with " + message.decode())
    if message == b"leave":
        sys.exit(3)
    if message == b"cancel":
        raise asyncio.CancelledError()
    tell(message)

async def careless_coroutine(message):
    careless(message)

def wait_for(condition):
    while not condition():
        time.sleep(0.005)

def patient(message):
    print("began", message, flush=True)
    wait_for(Path("go").exists)
    tell(message)

async def stubborn(message):
    print("began", message, flush=True)
    while True:
        try:
            await defer.Deferred()
        except defer.CancelledError:
            print("does not end", flush=True)

barrier = threading.Barrier(3)
def together(message):
    barrier.wait(20)
    tell(message)

async def hanging(message):
    print("here it hangs", flush=True)
    while True:
        pass

def in_company(message):
    """Waits until another process works, too."""
    Path(f"working-{os.getpid()}").touch()
    wait_for(lambda: len(list(Path(".").glob("working-*"))) == 2)
    tell(message)
'''

StartWorker = Callable[..., Process]


def wait_until(condition: Callable[[], object]) -> None:
    """Look again and again."""
    deadline = time.monotonic() + SECONDS_FOR_A_LINE
    while not condition():
        assert time.monotonic() < deadline, "it does not become true"
        time.sleep(0.005)


def worker_command(*options: str, program: str = "twistd") -> list[str]:
    """The command line."""
    path = Path(sys.executable).with_name(program)
    flags = ("-n", "--pidfile=") if program == "twistd" else ()
    return [sys.executable, str(path), *flags, "camrelay-worker", *options]


def worker_environment() -> dict[str, str]:
    """Nothing that a worker reads its settings from."""
    return clean_environment()


@pytest.fixture
def start_worker(redis_server: RedisServer, tmp_path: Path) -> Iterator[StartWorker]:
    """Start a worker on the channel `jobs`: `start_worker("plain", "--concurrency", "2")`."""
    folder = tmp_path / "worker"
    folder.mkdir()
    (folder / "jobs.py").write_text(JOBS, "utf-8")
    with ExitStack() as running:

        def start(
            function: str, *options: str, program: str = "twistd", **environment: str
        ) -> Process:
            where = ("--redis", redis_server.url, "--channel", "jobs")
            command = worker_command(*where, *options, f"jobs:{function}", program=program)
            process = running.enter_context(
                Process(command, folder, worker_environment() | environment)
            )
            process.wait_for_log('is up|"status": "up"')
            return process

        yield start
