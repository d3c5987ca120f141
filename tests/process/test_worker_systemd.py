"""A worker under systemd: what it tells, and what its unit forbids."""

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from camrelay.channels.blocking import Channels
from tests.support.process import Process
from tests.support.redis import RedisServer, redis_server
from tests.support.systemd import FakeSystemd, confined, settings_of
from tests.support.worker import JOBS, worker_command, worker_environment

__all__ = ["redis_server"]

UNIT = "camrelay-worker.service"
# What comes behind this line of a unit is what the service may not do.
FORBIDDEN = "NoNewPrivileges"


class Place:
    """Where workers are started; all of them are gone with it."""

    def __init__(self, folder: Path, redis: RedisServer, running: ExitStack) -> None:
        """None is there yet."""
        self.folder = folder / "worker"
        self.folder.mkdir()
        (self.folder / "jobs.py").write_text(JOBS, "utf-8")
        self.systemd = running.enter_context(FakeSystemd(folder))
        self.redis = redis
        self._running = running

    def command(self, function: str, *options: str) -> list[str]:
        """A worker that calls a function of JOBS."""
        where = ("--redis", self.redis.url, "--channel", "jobs")
        return worker_command(*where, *options, f"jobs:{function}")

    def start(self, command: list[str], **environment: str) -> Process:
        """Start it as systemd does."""
        everything = worker_environment() | self.systemd.environment | environment
        return self._running.enter_context(Process(command, self.folder, everything))


@pytest.fixture
def place(tmp_path: Path, redis_server: RedisServer) -> Iterator[Place]:
    """A folder, a Redis and a systemd."""
    with ExitStack() as running:
        yield Place(tmp_path, redis_server, running)


def test_a_worker_is_ready_when_redis_has_let_it_in(place: Place) -> None:
    """Until then its status says what it waits for; and it says how it is from then on."""
    place.redis.kill()
    place.start(place.command("plain"))
    waits = "STATUS=starting, redis is down: nothing listens there, 0 messages were processed, "
    place.systemd.wait_for(f"{waits}0 failed")
    place.redis.start()
    place.systemd.wait_for("READY=1")
    place.systemd.wait_for("STATUS=ready, redis is up, 0 messages were processed, 0 failed")
    place.redis.kill()
    lost = "STATUS=not-ready, redis is down: "
    while not (message := place.systemd.receive()) or lost not in f"STATUS={message.get('STATUS')}":
        assert message is not None


def test_a_worker_that_is_stopped_says_how_long_that_may_take(place: Place) -> None:
    """Systemd waits as long as it has patience with the work that was begun."""
    worker = place.start(place.command("patient", "--patience", "600"))
    place.systemd.wait_for("READY=1")
    with Channels(place.redis.url) as channels:
        channels.send("jobs", b"long")
    worker.wait_for_log("began b'long'")
    worker.send_signal(signal.SIGTERM)
    stopping = place.systemd.wait_for("STOPPING=1")
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) > 600_000_000
    (place.folder / "go").touch()
    assert worker.wait() == 0
    assert "1 messages were processed, 0 failed" in worker.log


def test_a_worker_that_is_blocked_feeds_the_watchdog_no_more(place: Place) -> None:
    """And SIGABRT makes it say where it hangs."""
    worker = place.start(place.command("hanging"), WATCHDOG_USEC="200000")
    for _ in range(3):
        place.systemd.wait_for("WATCHDOG=1")
    with Channels(place.redis.url) as channels:
        channels.send("jobs", b"x")
    worker.wait_for_log("here it hangs")
    place.systemd.forget()
    assert place.systemd.receive(timeout=1.0) is None
    worker.send_signal(signal.SIGABRT)
    assert worker.wait() == -signal.SIGABRT
    assert re.search(r'jobs\.py", line \d+ in hanging', worker.log)


def test_a_worker_works_under_the_restrictions_of_its_unit(place: Place, tmp_path: Path) -> None:
    """System calls, address families, privileges and read-only directories."""
    state = tmp_path / "state"
    state.mkdir()
    worker = place.start(confined(UNIT, state, place.command("plain")))
    place.systemd.wait_for("READY=1")
    with Channels(place.redis.url) as channels:
        channels.send("jobs", b"hello")
    worker.wait_for_log("did b'hello' in a thread")
    status = Path(f"/proc/{worker.pid}/status").read_text()
    assert re.search(r"NoNewPrivs:\s1\n", status)
    assert worker.stop() == 0


def test_a_worker_may_do_no_more_than_the_server() -> None:
    """The restrictions are the same."""

    def forbidden(unit: str) -> dict[str, list[str]]:
        settings = settings_of(unit)
        names = list(settings)
        return {name: settings[name] for name in names[names.index(FORBIDDEN) :]}

    assert forbidden(UNIT) == forbidden("camrelay.service")
