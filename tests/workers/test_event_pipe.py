"""Log events between a worker and its supervisor: whole, numbered, and never waited for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from twisted.internet import reactor
from twisted.logger import LogEvent, Logger, formatEventAsClassicLogText, globalLogPublisher

from camrelay.ops.logs import as_json
from camrelay.workers.events import MOST_KEPT, EventPipe, publish


@pytest.fixture
def pipe() -> Iterator[tuple[int, EventPipe]]:
    """The reading end of a pipe, and the log that writes into it."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    events = EventPipe(writing, reactor)
    yield reading, events
    os.close(reading)
    events.finish()
    os.close(writing)


@contextmanager
def published() -> Iterator[list[LogEvent]]:
    """What is logged in the block."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(events.append)


def read(descriptor: int) -> bytes:
    """What is in the pipe."""
    try:
        return os.read(descriptor, 1 << 20)
    except BlockingIOError:
        return b""


def test_event_arrives_as_it_was(pipe: tuple[int, EventPipe]) -> None:
    """Time, level, text and fields are those of the worker; its number is added."""
    reading, worker_log = pipe
    Logger(namespace="camrelay", observer=worker_log).warn("{n} bytes", n=5, room="/ws/camera")
    with published() as events:
        publish(read(reading).rstrip(b"\n"), 3)
    text = formatEventAsClassicLogText(events[0])
    assert text is not None
    assert text.endswith("[worker 3 camrelay#warn] 5 bytes\n")
    assert (events[0]["room"], events[0]["worker"]) == ("/ws/camera", 3)


def test_traceback_arrives(pipe: tuple[int, EventPipe]) -> None:
    """The traceback of an error in a worker is in the supervisor's log, in either form."""
    reading, worker_log = pipe
    try:
        raise LookupError("no such camera")
    except LookupError:
        Logger(namespace="camrelay", observer=worker_log).failure("error in {what}", what="a kind")
    with published() as events:
        publish(read(reading).rstrip(b"\n"), 1)
    text = formatEventAsClassicLogText(events[0])
    assert text is not None
    assert "error in a kind" in text
    assert "LookupError: no such camera" in text
    assert "LookupError: no such camera" in as_json(events[0])


@pytest.mark.parametrize("line", [b"Fatal Python error: \xff", b"[1]", b"null", b'{"a": 1}'])
def test_what_is_no_event_is_logged_as_text(line: bytes) -> None:
    """A line that no logger wrote is shown as it is."""
    with published() as events:
        publish(line, 2)
    text = formatEventAsClassicLogText(events[0])
    assert text is not None
    assert text.endswith(f"[worker 2 output#warn] {line.decode('utf-8', 'backslashreplace')}\n")


def test_supervisor_that_does_not_read_costs_lines(pipe: tuple[int, EventPipe]) -> None:
    """Nobody reads: the worker keeps a bounded number of lines, and later says what is missing."""
    reading, worker_log = pipe
    log = Logger(namespace="camrelay", observer=worker_log)
    count = 3 * MOST_KEPT // 1000
    for number in range(count):
        log.info("{text}", text=f"{number} {'x' * 1000}")
    received = b""
    while chunk := read(reading):
        received += chunk
        worker_log.doWrite()
    log.info("afterwards")
    received += read(reading)
    with published() as events:
        for line in received.splitlines():
            publish(line, 1)
    *kept, gap, last = map(formatEventAsClassicLogText, events)
    assert 0 < len(kept) < count
    assert f"{count - len(kept)} lines are missing here" in str(gap)
    assert "afterwards" in str(last)


def test_gone_supervisor_is_no_error() -> None:
    """Nobody will ever read: what is logged is dropped."""
    reading, writing = os.pipe()
    events = EventPipe(writing, reactor)
    os.close(reading)
    Logger(namespace="camrelay", observer=events).info("hello?")
    events.finish()
    os.close(writing)
