"""`camrelay send` and `camrelay receive` as users type them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import Process
from tests.support.redis import RedisServer, free_port
from tests.support.server import clean_environment

CAMRELAY = str(Path(sys.executable).with_name("camrelay"))


class Shell:
    """Somebody's terminal, in which REDIS_URL is set."""

    def __init__(self, folder: Path, url: str) -> None:
        """`folder`: where they are."""
        self.folder = folder
        self.environment = clean_environment() | {"REDIS_URL": url}

    def run(self, *arguments: str, typed: bytes = b"") -> tuple[int, bytes, str]:
        """The exit code, what it printed, and what it complained about."""
        ran = subprocess.run(
            [CAMRELAY, *arguments],
            cwd=self.folder,
            env=self.environment,
            input=typed,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr.decode()


@pytest.fixture
def shell(redis_server: RedisServer, tmp_path: Path) -> Shell:
    """A terminal beside a Redis."""
    return Shell(tmp_path, redis_server.url)


def test_what_is_sent_is_received(shell: Shell) -> None:
    """As text, as JSON, and as any bytes from standard input, in order."""
    assert shell.run("send", "jobs", "grüße") == (0, b"", "")
    assert shell.run("send", "jobs", "--json", '{"photo": 17}') == (0, b"", "")
    assert shell.run("send", "jobs", "-", typed=b"\xff\x00\n") == (0, b"", "")
    code, printed, complaint = shell.run("receive", "jobs", "--count", "3")
    assert (code, complaint) == (0, "")
    assert printed == "grüße".encode() + b'\n{"photo": 17}\n\xff\x00\n\n'


def test_a_pipe_that_brings_nothing_sends_nothing(shell: Shell) -> None:
    """An empty channel at its other end makes no empty message."""
    code, _, complaint = shell.run("send", "jobs", "-")
    assert (code, complaint) == (1, "Error: standard input is empty: nothing was sent\n")
    assert shell.run("receive", "jobs", "--wait", "0")[0] == 3


def test_a_receive_waits(redis_server: RedisServer, shell: Shell) -> None:
    """For ever, unless told how long; every message is printed when it comes."""
    command = [CAMRELAY, "receive", "jobs", "--count", "0"]
    with Process(command, shell.folder, shell.environment) as receiving:
        for message in ("one", "two"):
            shell.run("send", "jobs", message)
            receiving.wait_for_log(f"{message}\n")
        receiving.kill()


def test_that_nothing_came_can_be_told(shell: Shell) -> None:
    """By the exit code, after the time that was given."""
    assert shell.run("receive", "jobs", "--wait", "0") == (3, b"", "")
    assert shell.run("receive", "jobs", "--wait", "0.05") == (3, b"", "")


def test_a_full_channel_is_told(shell: Shell) -> None:
    """The sender fails; the expiry and capacity can be chosen."""
    assert shell.run("send", "jobs", "1", "--capacity", "1", "--expiry", "30")[0] == 0
    code, _, complaint = shell.run("send", "jobs", "2", "--capacity", "1")
    assert code == 1
    assert "channel 'jobs' is full: 1 messages wait" in complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("send", "a b", "x"), "Error: the name 'a b' holds ' '"),
        (("receive", "a b"), "Error: the name 'a b' holds ' '"),
        (("send", "jobs", "--json", "{x}"), "MESSAGE: is not JSON: Expecting property name"),
        (("send", "jobs", "x", "--expiry", "0"), "--expiry"),
        (("receive", "jobs", "--wait", "-1"), "--wait"),
        (("send", "jobs", "x", "--redis", "http://x"), "--redis (or REDIS_URL): '...' must begin"),
        (("receive", "jobs", "--config", "none.toml"), "--config: 'none.toml' cannot be read"),
    ],
)
def test_what_cannot_be_done_is_explained(
    shell: Shell, arguments: tuple[str, ...], complaint: str
) -> None:
    """In words, and not with a traceback."""
    code, printed, said = shell.run(*arguments)
    assert code in (1, 2)
    assert printed == b""
    assert complaint in said
    assert "Traceback" not in said


def test_a_redis_that_is_away_is_told(tmp_path: Path) -> None:
    """Both commands say so and end."""
    shell = Shell(tmp_path, f"redis://:s3cr3t@localhost:{free_port()}")
    for arguments in (("send", "jobs", "x"), ("receive", "jobs", "--wait", "0")):
        code, _, said = shell.run(*arguments)
        assert code == 1
        assert "refused" in said
        assert "s3cr3t" not in said


def test_no_redis_at_all_is_told(tmp_path: Path) -> None:
    """With what to say."""
    code, _, said = Shell(tmp_path, "").run("send", "jobs", "x")
    assert code == 2
    assert "--redis redis://HOST" in said
