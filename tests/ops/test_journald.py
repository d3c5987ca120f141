"""Lines for the journal of systemd: each says how bad it is."""

import io
import os
from pathlib import Path

import pytest
from twisted.logger import LogEvent, Logger, LogLevel

from camrelay.ops.journald import is_journal, with_priority
from camrelay.ops.logs import as_text


def marked(level: str, text: str) -> list[str]:
    """The lines of an event."""
    events: list[LogEvent] = []
    Logger("camrelay", observer=events.append).emit(LogLevel.levelWithName(level), text)
    return with_priority(as_text)(events[0]).splitlines()


@pytest.mark.parametrize(
    ("level", "mark"),
    [("debug", "<7>"), ("info", "<6>"), ("warn", "<4>"), ("error", "<3>"), ("critical", "<2>")],
)
def test_every_line_has_its_priority(level: str, mark: str) -> None:
    """A traceback is several lines, and the journal takes each for an entry of its own."""
    lines = marked(level, "one\ntwo\n\nthree")
    assert [line[:3] for line in lines] == [mark] * 4
    assert lines[0].endswith("one")
    assert lines[3] == f"{mark}\tthree"


def test_an_event_without_a_level_is_news() -> None:
    """Much of Twisted logs without one."""
    assert with_priority(lambda event: "starting\n")({}) == "<6>starting\n"


def test_what_says_nothing_is_no_line() -> None:
    """Not even a mark."""
    assert with_priority(lambda event: "")({}) == ""


def test_the_journal_is_known_by_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is inherited by whatever is started, also with its output elsewhere."""
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "other").open("w") as other:
        assert not is_journal(journal)
        found = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert is_journal(journal)
        assert not is_journal(other)
    for no_file in (journal, io.StringIO(), object()):
        assert not is_journal(no_file)
