"""Log lines: for machines nothing that was not allowed, and a secret in neither form."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket
from twisted.logger import LogEvent, Logger, LogPublisher, textFileLogObserver
from twisted.python import log as legacy

from camrelay.ops.logs import FIELDS, Form, as_json, as_text, log_to
from tests.support.process import Process
from tests.support.server import Server, start_relay

SECONDS_TO_WAIT = 10.0


class Log:
    """A logger that writes JSON lines."""

    def __init__(self) -> None:
        """Nothing is written yet."""
        self.stream = io.StringIO()
        self.logger = Logger("camrelay", observer=log_to(self.stream, as_json))

    def line(self) -> dict[str, Any]:
        """The one line that was written."""
        text = self.stream.getvalue()
        assert text.endswith("\n")
        assert text.count("\n") == 1
        assert text.isascii()
        document: dict[str, Any] = json.loads(text)
        return document


@pytest.fixture
def log() -> Log:
    """A log of its own."""
    return Log()


def test_a_line_has_time_level_and_message(log: Log) -> None:
    """The time with its zone, the level by its name, the message as people read it."""
    log.logger.warn("disk {name} is {percent} % full", name="a", percent=93)
    line = log.line()
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "warn", "message": "disk a is 93 % full"}


def test_allowed_fields_are_written(log: Log) -> None:
    """With their types, so that a machine can count with them."""
    log.logger.info("disconnect {room}", event="disconnect", room="/a", code=None, seconds=1.5)
    line = log.line()
    fields = {name: line[name] for name in ("event", "room", "code", "seconds")}
    assert fields == {"event": "disconnect", "room": "/a", "code": None, "seconds": 1.5}


@pytest.mark.parametrize("keyword", ["token", "password", "authorization", "cookie", "headers"])
def test_a_secret_keyword_never_appears(log: Log, keyword: str) -> None:
    """What a library logs beside its message stays where it is."""
    log.logger.info("connected", **{keyword: "s3cret"})
    assert "s3cret" not in log.stream.getvalue()


def test_what_is_no_json_becomes_text(log: Log) -> None:
    """A library may use one of our names for an object of its own."""
    log.logger.info("moved", path=Path("/a"), reason=ValueError("b"))
    line = log.line()
    assert (line["path"], line["reason"]) == ("/a", "b")


def test_a_failure_is_one_line_too(log: Log) -> None:
    """With its traceback in a field."""
    try:
        raise LookupError("no microphone")
    except LookupError:
        log.logger.failure("error in {what}", what="a kind")
    line = log.line()
    assert (line["level"], line["message"]) == ("critical", "error in a kind")
    assert "LookupError: no microphone" in line["traceback"]


@pytest.mark.parametrize("text", ["日本語", "a\nb", "\x1b[2J", "\x9b2J", "\u202e", "\ud800"])
def test_any_text_fits_into_a_line(log: Log, text: str) -> None:
    """Escaped, so that neither a terminal nor an encoding can be upset, and whole again after."""
    log.logger.info("{text}", text=text)
    assert log.line()["message"] == text


def test_events_of_the_old_logger_are_written() -> None:
    """Much of Twisted still uses it; its events have no level."""
    stream = io.StringIO()
    publisher = legacy.LogPublisher(publishPublisher=LogPublisher(log_to(stream, as_json)))
    publisher.msg("Starting factory", token="s3cret")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["message"]) == ("info", "Starting factory")
    assert "s3cret" not in stream.getvalue()


@pytest.mark.parametrize("form", [as_text, as_json])
def test_a_secret_in_an_exception_is_hidden(form: Form) -> None:
    """Wherever it comes from: people read tracebacks aloud, and paste them into reports."""
    stream = io.StringIO()
    logger = Logger("somebody.else", observer=log_to(stream, form))
    try:
        raise LookupError("https://alice:s3cret@id.example/?token=s3cret")
    except LookupError:
        logger.failure("cannot ask {url}", url="redis://:s3cret@10.0.0.5")
    assert "LookupError: https://alice:(hidden)@id.example/?token=(hidden)" in stream.getvalue()
    assert "cannot ask redis://:(hidden)@10.0.0.5" in stream.getvalue()
    assert "s3cret" not in stream.getvalue()


def test_text_is_what_twistd_writes() -> None:
    """Where there is no secret in it."""
    events: list[LogEvent] = []
    try:
        raise LookupError("no microphone")
    except LookupError:
        Logger("camrelay", observer=events.append).failure("error in {what}", what="a kind")
    expected = io.StringIO()
    textFileLogObserver(expected)(events[0])
    assert as_text(events[0]) == expected.getvalue()


def test_an_event_that_says_nothing_is_no_line() -> None:
    """Such as one of the old logger without a message."""
    stream = io.StringIO()
    Logger("camrelay", observer=log_to(stream, as_text)).info("")
    assert stream.getvalue() == ""


def test_our_lines_have_one_name() -> None:
    """Twisted gives a logger in the body of a class the name of that class, whatever is said."""
    package = Path(__file__).parents[2] / "camrelay"
    of_classes = [
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if re.search(r"^ {4}\w+ = Logger\(", file.read_text("utf-8"), re.MULTILINE)
    ]
    assert of_classes == []


def test_the_fields_are_those_that_are_documented() -> None:
    """In docs/operations.md, in the same order."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    listed = re.search(r"of the fields (.*?) those that it has", text, re.DOTALL)
    assert listed
    assert tuple(re.findall(r"`(\w+)`", listed[1])) == FIELDS


# through a real process


@pytest.fixture
def machine_readable(tmp_path: Path) -> Iterator[Server]:
    """A relay that was told to write JSON lines."""
    with start_relay(tmp_path, "--log-format", "json") as server:
        yield server


def lines(process: Process) -> list[dict[str, Any]]:
    """Everything it has printed; each line must be a JSON object."""
    return [json.loads(line) for line in process.log.splitlines()]


def test_a_relay_writes_json_when_told(machine_readable: Server) -> None:
    """From its first line to its last, with one for each thing that happens to a connection."""
    server = machine_readable
    url = f"ws://127.0.0.1:{server.port}/ws/chat/%E6%97%A5%E6%9C%AC?token=s3cret"
    client = websocket.create_connection(url, timeout=SECONDS_TO_WAIT)
    client.send("garbage")
    client.send('{"message":"hello"}')
    assert client.recv() == '{"message":"hello"}'
    client.close(4001, b"bye\nbye")
    server.wait_for_log("disconnect")
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(f"ws://127.0.0.1:{server.port}/no/where", SECONDS_TO_WAIT)
    server.wait_for_log("denied")
    server.stop()
    written = {line["event"]: line for line in lines(server) if "event" in line}
    room = "/ws/chat/日本"
    assert written["listening"]["url"].startswith("http://")
    assert written["connect"]["room"] == written["rejected"]["room"] == room
    assert written["rejected"]["reason"] == "malformed"
    over = written["disconnect"]
    assert (over["room"], over["code"], over["messages_in"], over["messages_out"]) == (
        *(room, 4001, 2, 1),
    )
    assert over["message"].endswith("(bye\\nbye)")
    assert (written["denied"]["path"], written["denied"]["status"]) == ("/no/where", 404)
    assert "s3cret" not in server.log


def test_people_get_text_unless_told_otherwise(tmp_path: Path) -> None:
    """No line of the default log is JSON, and no query string is in it."""
    with start_relay(tmp_path) as server:
        url = f"ws://127.0.0.1:{server.port}/ws/chat/lobby?token=s3cret"
        client = websocket.create_connection(url, timeout=SECONDS_TO_WAIT)
        client.close()
        server.wait_for_log(r"disconnect /ws/chat/lobby from 127\.0\.0\.1:\d+ as .*code 1000")
    assert "s3cret" not in server.log
    assert not any(line.startswith("{") for line in server.log.splitlines())
