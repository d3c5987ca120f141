"""The flags that twistd and twist have for their logs, in both forms of the log."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from camrelay.core.errors import StartError
from camrelay.ops.log_flags import observer_for
from camrelay.ops.logs import Form, as_json, as_text
from tests.support.process import Process
from tests.support.server import OPEN_LINE, clean_environment

SECONDS = 20.0

# Stands in for the module of the system's log, which a test cannot read on every machine.
SYSLOG = """
LOG_USER = 8
LOG_WARNING = LOG_INFO = LOG_ALERT = 4
LOG_PID = LOG_NDELAY = LOG_CONS = 1
name = ""
def remember(prefix, *more):
    global name
    name = prefix
def write(*words):
    with open("syslog", "a") as file:
        file.write(f"{name}: {words[-1]}\\n")
openlog, syslog = staticmethod(remember), staticmethod(write)  # as in C: they never bind
"""
LOGGER = """
import sys
from twisted.logger import FileLogObserver
def make():
    return FileLogObserver(sys.stdout, lambda event: "mine: " + event["log_format"] + "\\n")
"""


def command(folder: Path, *flags: str, form: str) -> list[str]:
    """The command line of a server; `flags` are twistd's own."""
    twistd = Path(sys.executable).with_name("twistd")
    return [
        *(sys.executable, str(twistd), *flags, "camrelay", "--port", "0", "--drain-time", "0"),
        *("--data-dir", str(folder / "data"), "--log-format", form),
    ]


def start(folder: Path, *flags: str, form: str) -> Process:
    """A server, which finds modules in `folder`."""
    environment = clean_environment() | {"PYTHONPATH": str(folder)}
    return Process(command(folder, *flags, form=form), folder, environment)


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when it holds."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        os.sched_yield()


def is_open(file: Path) -> bool:
    """The server has said there where it listens."""
    return file.exists() and OPEN_LINE.search(file.read_text("utf-8")) is not None


def assert_form(text: str, form: str) -> None:
    """Every line is JSON, or none is."""
    lines = text.splitlines()
    assert lines
    for line in lines:
        assert line.startswith("{") == (form == "json"), line
        assert form == "text" or json.loads(line)["message"]


forms = pytest.mark.parametrize("form", ["text", "json"])


@forms
def test_a_log_file_gets_the_log(tmp_path: Path, form: str) -> None:
    """And standard output nothing."""
    file = tmp_path / "relay.log"
    flags = ("--nodaemon", "--pidfile=", "--logfile", str(file))
    with start(tmp_path, *flags, form=form) as server:
        wait_for(lambda: is_open(file))
        server.stop()
        assert server.log == ""
    assert_form(file.read_text("utf-8"), form)
    assert "Server Shut Down" in file.read_text("utf-8")


@forms
def test_a_log_file_can_be_rotated(tmp_path: Path, form: str) -> None:
    """By SIGUSR1: the old lines go to another file."""
    file, old = tmp_path / "relay.log", tmp_path / "relay.log.1"
    flags = ("--nodaemon", "--pidfile=", "--logfile", str(file))
    with start(tmp_path, *flags, form=form) as server:
        wait_for(lambda: is_open(file))
        server.send_signal(signal.SIGUSR1)
        wait_for(old.exists)
        server.stop()
    assert is_open(old)
    assert "Server Shut Down" in file.read_text("utf-8")
    assert_form(file.read_text("utf-8"), form)


@forms
@pytest.mark.parametrize("flags", [("--logfile", "-"), ()], ids=["-", "none"])
def test_standard_output_gets_the_log(tmp_path: Path, form: str, flags: tuple[str, ...]) -> None:
    """When it is asked for, or nothing is."""
    with start(tmp_path, "--nodaemon", "--pidfile=", *flags, form=form) as server:
        server.wait_for_log(OPEN_LINE, SECONDS)
        server.stop()
    assert_form(server.log, form)


@forms
def test_a_daemon_has_a_log_file(tmp_path: Path, form: str) -> None:
    """The one that twistd has for all its daemons."""
    file, pid_file = tmp_path / "twistd.log", tmp_path / "pid"
    with start(tmp_path, "--pidfile", str(pid_file), form=form) as server:
        assert server.wait() == 0
    wait_for(lambda: is_open(file))
    os.kill(int(pid_file.read_text("ascii")), signal.SIGTERM)
    wait_for(lambda: "Server Shut Down" in file.read_text("utf-8"))
    assert_form(file.read_text("utf-8"), form)


@forms
def test_the_system_log_gets_the_log(tmp_path: Path, form: str) -> None:
    """With the prefix that twistd was given."""
    (tmp_path / "syslog.py").write_text(SYSLOG, "utf-8")
    flags = ("--nodaemon", "--pidfile=", "--syslog", "--prefix", "door")
    with start(tmp_path, *flags, form=form) as server:
        wait_for(lambda: is_open(tmp_path / "syslog"))
        server.stop()
    lines = (tmp_path / "syslog").read_text("utf-8").splitlines()
    found = next(line for line in lines if "open http://localhost" in line)
    assert found.startswith("door: {" if form == "json" else "door: [")


@forms
def test_an_observer_of_ones_own_gets_the_log(tmp_path: Path, form: str) -> None:
    """Whoever names one means it."""
    (tmp_path / "mylog.py").write_text(LOGGER, "utf-8")
    flags = ("--nodaemon", "--pidfile=", "--logger", "mylog.make")
    with start(tmp_path, *flags, form=form) as server:
        server.wait_for_log("mine: open {url}", SECONDS)
        server.stop()
    assert all(line.startswith("mine: ") for line in server.log.splitlines())


@pytest.mark.parametrize("form", [as_text, as_json])
def test_a_daemon_has_no_standard_output(form: Form) -> None:
    """Its lines would be nowhere."""
    with pytest.raises(StartError, match="--logfile: '-' needs a server that is not a daemon"):
        observer_for({"logfile": "-", "nodaemon": False}, form, None)


@pytest.mark.parametrize(
    ("flags", "options", "form"),
    [
        (("--log-format", "text"), (), "text"),
        (("--log-format", "text"), ("--log-format", "json"), "json"),
        (("--log-format", "json"), (), "json"),
        ((), (), "json"),  # no terminal: twist takes it for a machine
    ],
)
def test_twist_writes_our_lines(
    tmp_path: Path, flags: tuple[str, ...], options: tuple[str, ...], form: str
) -> None:
    """In JSON when its own flag or ours says so: with the fields that are allowed, not with all."""
    twist = Path(sys.executable).with_name("twist")
    command = [str(twist), *flags, "camrelay", "--port", "0", *options]
    folder = ("--data-dir", str(tmp_path / "data"), "--drain-time", "0")
    with Process([sys.executable, *command, *folder], tmp_path, clean_environment()) as server:
        server.wait_for_log(OPEN_LINE, SECONDS)
        server.stop()
    assert_form(server.log, form)
    assert "log_namespace" not in server.log


@forms
def test_the_journal_of_systemd_is_told_how_bad_a_line_is(tmp_path: Path, form: str) -> None:
    """Every line of it; what goes elsewhere is not marked."""
    flags = ("--nodaemon", "--pidfile=")
    wrong = {"CAMRELAY_MESAGE_RATE": "1", "PYTHONPATH": str(tmp_path)}
    with start_in_journal(command(tmp_path, *flags, form=form), tmp_path, wrong) as server:
        server.wait_for_log(OPEN_LINE, SECONDS)
        server.stop()
    lines = server.log.splitlines()
    assert lines
    for line in lines:
        assert line.startswith("<4>" if "is not a setting" in line else "<6>"), line
    assert_form("\n".join(line[3:] for line in lines), form)


def start_in_journal(command: list[str], folder: Path, more: dict[str, str]) -> Process:
    """A server that believes that its standard output is the journal: systemd tells it so."""
    tell = (
        "import os, sys; found = os.fstat(1);"
        "os.environ['JOURNAL_STREAM'] = f'{found.st_dev}:{found.st_ino}';"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return Process([sys.executable, "-c", tell, *command], folder, clean_environment() | more)
