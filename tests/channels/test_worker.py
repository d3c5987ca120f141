"""The worker as users start it: twistd, a function of theirs, and a real Redis."""

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from camrelay.channels.blocking import Channels
from camrelay.worker_tap import Options, makeService
from tests.support.process import Process
from tests.support.redis import RedisServer
from tests.support.worker import JOBS, StartWorker, wait_until, worker_command, worker_environment


@pytest.fixture
def channels(redis_server: RedisServer) -> Iterator[Channels]:
    """Where the jobs come from."""
    with Channels(redis_server.url) as opened:
        yield opened


@pytest.mark.parametrize(
    ("function", "place"),
    [
        ("plain", "a thread"),
        ("coroutine", "main"),
        ("deferred", "main"),
        ("generator", "main"),
    ],
)
def test_a_function_is_called_where_its_kind_belongs(
    start_worker: StartWorker, channels: Channels, function: str, place: str
) -> None:
    """Plain code in a thread, where it may block; the others where the reactor is."""
    worker = start_worker(function)
    for message in (b"one", b"\xff\x00"):
        channels.send("jobs", message)
        worker.wait_for_log(re.escape(f"did {message!r} in {place}"))
    assert worker.stop() == 0
    assert "2 messages were processed, 0 failed" in worker.log


def test_messages_are_worked_on_in_order(start_worker: StartWorker, channels: Channels) -> None:
    """Unless one asks for more than one at a time."""
    for number in range(20):
        channels.send("jobs", b"%d" % number)
    worker = start_worker("plain")
    worker.wait_for_log("did b'19'")
    assert re.findall(r"did b'(\d+)'", worker.log) == [str(number) for number in range(20)]


def test_several_messages_are_worked_on_at_a_time(
    start_worker: StartWorker, channels: Channels
) -> None:
    """As many as are asked for: here each one waits for two others."""
    worker = start_worker("together", "--concurrency", "3")
    for number in range(3):
        channels.send("jobs", b"%d" % number)
    for number in range(3):
        worker.wait_for_log(f"did b'{number}'")


def test_workers_share_the_load(start_worker: StartWorker, channels: Channels) -> None:
    """Two processes work at the same time, and each message is worked on once."""
    workers = [start_worker("in_company") for _ in range(2)]
    for number in range(30):
        channels.send("jobs", b"%d" % number)

    def done() -> list[str]:
        return re.findall(r"did b'(\d+)'", "".join(worker.log for worker in workers))

    wait_until(lambda: len(done()) >= 30)
    assert sorted(done(), key=int) == [str(number) for number in range(30)]
    assert all("did b'" in worker.log for worker in workers)


@pytest.mark.parametrize("function", ["careless", "careless_coroutine"])
def test_work_that_fails_is_told_and_kept(
    start_worker: StartWorker, channels: Channels, function: str
) -> None:
    """With its traceback; the message can be taken from the dead letters, and work goes on.

    Whatever it fails with: the CancelledError of asyncio and the SystemExit are no Exceptions.
    """
    worker = start_worker(function, "--dead-letter", "dead")
    bad = [b"bad 1", b"leave", b"cancel", b"bad 2"]
    for message in (b"bad 1", b"good", b"leave", b"cancel", b"bad 2", b"good too"):
        channels.send("jobs", message)
    worker.wait_for_log("did b'good too'")
    assert "ZeroDivisionError: careless with bad 1" in worker.log
    assert "SystemExit: 3" in worker.log
    assert "CancelledError" in worker.log
    assert "a message" not in worker.log.replace("work on a message", "")
    assert [channels.receive("dead", 5) for _ in bad] == bad
    worker.stop()
    assert "2 messages were processed, 4 failed" in worker.log


def test_dead_letters_outlive_a_weekend(
    start_worker: StartWorker, channels: Channels, redis_server: RedisServer
) -> None:
    """They do not expire as other messages do."""
    start_worker("careless", "--dead-letter", "dead")
    channels.send("jobs", b"bad")
    wait_until(lambda: redis_server.command("EXISTS", "camrelay:channel:dead"))
    assert redis_server.command("TTL", "camrelay:channel:dead") > 3 * 86400


def test_without_dead_letters_nothing_is_kept(
    start_worker: StartWorker, channels: Channels, redis_server: RedisServer
) -> None:
    """The failure is told, and that is all."""
    worker = start_worker("careless")
    channels.send("jobs", b"bad")
    channels.send("jobs", b"good")
    worker.wait_for_log("did b'good'")
    assert "ZeroDivisionError" in worker.log
    assert redis_server.command("KEYS", "camrelay:channel:*") == []


def test_a_deferred_from_a_thread_is_explained(
    start_worker: StartWorker, channels: Channels
) -> None:
    """Nobody knew that the function returns one: the log says how to declare it."""
    worker = start_worker("undeclared")
    channels.send("jobs", b"x")
    worker.wait_for_log("TypeError: .* returned a Deferred: declare it")


def test_what_was_begun_is_finished(
    start_worker: StartWorker, channels: Channels, tmp_path: Path
) -> None:
    """At SIGTERM; and nothing else is begun: it is there for the next worker."""
    worker = start_worker("patient")
    channels.send("jobs", b"first")
    worker.wait_for_log("began b'first'")
    channels.send("jobs", b"second")
    worker.send_signal(signal.SIGTERM)
    worker.wait_for_log("taking no more messages from channel 'jobs'; 1 are being processed")
    (tmp_path / "worker" / "go").touch()
    assert worker.wait() == 0
    assert "did b'first'" in worker.log
    assert "began b'second'" not in worker.log
    assert channels.receive("jobs", 0) == b"second"


@pytest.mark.parametrize("function", ["patient", "stubborn"])
def test_what_is_not_finished_in_time_is_given_up(
    start_worker: StartWorker, channels: Channels, function: str
) -> None:
    """The process ends, whatever the user's code does; a message that hung is a dead letter."""
    worker = start_worker(function, "--dead-letter", "dead", "--patience", "0.1")
    channels.send("jobs", b"hangs")
    worker.wait_for_log("began b'hangs'")
    assert worker.stop() == 0
    assert "was not finished in 0.1 s" in worker.log
    assert channels.receive("dead", 0) == b"hangs"


def test_a_thread_that_hangs_does_not_keep_twist_from_ending(
    start_worker: StartWorker, channels: Channels
) -> None:
    """twistd dies by the signal; twist simply ends."""
    worker = start_worker("patient", "--patience", "0.1", program="twist")
    channels.send("jobs", b"hangs")
    worker.wait_for_log("began b'hangs'")
    worker.stop()
    assert "was not finished" in worker.log


def test_a_worker_that_is_killed_takes_one_message_with_it(
    start_worker: StartWorker, channels: Channels, tmp_path: Path
) -> None:
    """At most once: what was begun is not begun again, and the rest is there."""
    worker = start_worker("patient")
    channels.send("jobs", b"first")
    worker.wait_for_log("began b'first'")
    channels.send("jobs", b"second")
    worker.kill()
    (tmp_path / "worker" / "go").touch()
    other = start_worker("patient")
    other.wait_for_log("did b'second'")
    assert "b'first'" not in other.log


def test_a_worker_goes_on_when_redis_was_away(
    start_worker: StartWorker, channels: Channels, redis_server: RedisServer
) -> None:
    """It says so, and needs no restart."""
    worker = start_worker("plain")
    redis_server.kill()
    worker.wait_for_log("is down: nothing listens there")
    redis_server.start()
    channels.send("jobs", b"after")
    worker.wait_for_log("did b'after'")


def test_a_worker_that_may_not_receive_says_so(
    start_worker: StartWorker, channels: Channels, redis_server: RedisServer
) -> None:
    """Instead of trying again and again without a word."""
    redis_server.command("SET", "camrelay:channel:jobs", "not a queue")
    worker = start_worker("plain")
    worker.wait_for_log("cannot receive from 'jobs'")
    assert "wrong kind of value" in worker.log
    assert worker.stop() == 0


REDIS = ("--redis", "redis://localhost")
JOB = ("--channel", "jobs", "jobs:plain")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (JOB, "--redis: None is needed, such as redis://localhost:6379"),
        (("--redis", "http://x", *JOB), "--redis (or REDIS_URL): '...' must begin with"),
        ((*REDIS, "jobs:plain"), "--channel: None is not a channel name"),
        ((*REDIS, "--channel", "a b", "jobs:plain"), "--channel: 'a b' is not a channel name: the"),
        ((*REDIS, "--dead-letter", "a/b", *JOB), "--dead-letter: 'a/b' is not a channel name"),
        ((*REDIS, "--concurrency", "0", *JOB), "--concurrency: '0' must be a whole number from 1"),
        ((*REDIS, "--concurrency", "x", *JOB), "--concurrency: 'x' must be a whole number"),
        ((*REDIS, "--patience", "-1", *JOB), "--patience: '-1' must be a number from 0 to 3600"),
        ((*REDIS, "--channel", "jobs"), "function: '' must be written as package.mod"),
        ((*REDIS, "--channel", "jobs", "jobs"), "function: 'jobs' must be written as package.mod"),
        ((*REDIS, "--channel", "jobs", "jib:plain"), "No module named 'jib'"),
        ((*REDIS, "--channel", "jobs", "jobs:plane"), "has no attribute 'plane'"),
        ((*REDIS, "--channel", "jobs", "jobs:JOBS"), "has no attribute 'JOBS'"),
        ((*REDIS, "--channel", "jobs", "jobs:barrier"), "is not a function but Barrier"),
        ((*REDIS, "--channel", "jobs", "broken:plain"), "(ZeroDivisionError: division by zero)"),
        (
            ("--redis", "rediss://x", "--redis-ca", "none.pem", *JOB),
            "--redis-ca: 'none.pem' cannot",
        ),
    ],
)
def test_a_start_that_cannot_be_is_explained(
    job_folder: Path, options: tuple[str, ...], complaint: str
) -> None:
    """In one line that names the option."""
    with pytest.raises(SystemExit) as end:
        makeService(parsed(*options))
    said = str(end.value.code)
    assert said.startswith("camrelay-worker: ")
    assert complaint in said
    assert "\n" not in said


def parsed(*options: str) -> Options:
    """What twistd hands to the service."""
    result = Options()
    result.parseOptions(list(options))
    return result


@pytest.fixture
def job_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the functions in it and nothing else imported from it."""
    (tmp_path / "jobs.py").write_text(JOBS, "utf-8")
    (tmp_path / "broken.py").write_text("1 / 0", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "jobs", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    return tmp_path


def test_twistd_ends_when_the_start_cannot_be(tmp_path: Path) -> None:
    """With the line, exit code 1, and no traceback."""
    with Process(worker_command(*REDIS, *JOB), tmp_path, worker_environment()) as worker:
        assert worker.wait() == 1
    assert worker.log.startswith("camrelay-worker: function: 'jobs:plain' cannot be imported")
    assert worker.log.count("\n") == 1


def test_the_url_may_come_from_the_environment(
    redis_server: RedisServer, channels: Channels, tmp_path: Path
) -> None:
    """From REDIS_URL, or from .env in the folder."""
    (tmp_path / "jobs.py").write_text(JOBS, "utf-8")
    (tmp_path / ".env").write_text(f"REDIS_URL={redis_server.url}\n", "utf-8")
    with Process(worker_command(*JOB), tmp_path, worker_environment()) as worker:
        channels.send("jobs", b"hello")
        worker.wait_for_log("did b'hello'")


def test_a_misspelt_variable_is_in_the_log_of_a_worker(start_worker: StartWorker) -> None:
    """It changes nothing, and somebody expects that it does."""
    worker = start_worker("plain", CAMRELAY_LOG_FORMT="json")
    assert "CAMRELAY_LOG_FORMT is not a setting: did you mean CAMRELAY_LOG_FORMAT?" in worker.log
