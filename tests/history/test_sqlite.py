"""What only the history in a file does: it outlives the process, and has a disk to live on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import pytest_twisted

from camrelay.core.errors import Rejected
from camrelay.core.history import Keep, Position
from camrelay.history.sqlite import history as history_module
from camrelay.history.sqlite.database import NAME
from camrelay.history.sqlite.store import SLACK, Bounds
from camrelay.testing import ManualClock
from tests.support.kept import Kept, said, texts
from tests.support.sqlite_history import sqlite_history

LOBBY = "/ws/chat/lobby"
HALL = "/ws/chat/Café-大厅"
LINE = "x" * 900


def rows(directory: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    """What another program reads in the file, at any time."""
    with closing(sqlite3.connect(f"file:{directory / NAME}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def lines(directory: Path) -> list[str]:
    """Everything that the file holds."""
    found = rows(directory, "SELECT body FROM entry JOIN room ON id = room ORDER BY path, offset")
    return [str(line) for (line,) in found]


# From one run to the next


@pytest_twisted.ensureDeferred
async def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    """Entries, count and epoch."""
    async with sqlite_history(tmp_path) as before:
        opened = await before.open(LOBBY)
        await before.open(HALL)
        await before.say(LOBBY, "one", "two")
        await before.say(HALL, "elsewhere")
        entries = before.entries[LOBBY]
    async with sqlite_history(tmp_path) as after:
        assert await after.open(LOBBY) == Position(opened.epoch, 2)
        assert list((await after.read(LOBBY, 0)).entries) == entries
        assert await after.say(LOBBY, "three") == [Position(opened.epoch, 3)]


@pytest_twisted.ensureDeferred
async def test_what_was_asked_before_the_end_is_carried_out(tmp_path: Path) -> None:
    """Nothing that was taken is refused because the server stops."""
    async with sqlite_history(tmp_path) as kept:
        asked = [kept.open_soon(LOBBY), *kept.say_soon(LOBBY, *"abc")]
    assert [each.answers[0].offset for each in asked] == [0, 1, 2, 3]
    assert lines(tmp_path) == ["a", "b", "c"]


@pytest_twisted.ensureDeferred
async def test_nothing_is_taken_after_the_end(tmp_path: Path) -> None:
    """And whoever asks is told so."""
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
    (asked,) = kept.say_soon(LOBBY, "too late")
    assert asked.answers[0].reason == "not-stored"
    assert lines(tmp_path) == []


@pytest_twisted.ensureDeferred
async def test_one_file_is_left_behind(tmp_path: Path) -> None:
    """The write-ahead log is in it: a copy of the file is the whole history."""
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
        await kept.say(LOBBY, "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, f"{NAME}-lock"]
    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0


# One transaction


@pytest_twisted.ensureDeferred
async def test_what_is_answered_is_in_the_file(tmp_path: Path) -> None:
    """Others can read it there when the answer comes, and when the relay is told."""
    found = []

    class Looking(Kept):
        def stored(self, *entries: object) -> None:
            found.append(lines(tmp_path))

    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
        kept.history.serve(Looking(kept.history, kept.clock))
        place = said("one", 0.0)
        kept.history.append(LOBBY, place, lambda _: found.append(lines(tmp_path)))
        await kept.until(lambda: len(found) == 2)
    assert found == [["one"], ["one"]]


@pytest_twisted.ensureDeferred
async def test_what_is_said_in_a_turn_is_one_transaction(tmp_path: Path) -> None:
    """A thousand lines cost about as many pages as they fill, not one for each line."""
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
        await kept.say(LOBBY, "first")
        log = tmp_path / f"{NAME}-wal"
        before = log.stat().st_size
        await kept.say(LOBBY, *map(str, range(1000)))
        assert log.stat().st_size - before < 100 * 4096


@pytest_twisted.ensureDeferred
async def test_a_room_is_told_once_in_a_transaction(tmp_path: Path) -> None:
    """However many rooms are spoken in by turns."""
    calls: list[tuple[str, int]] = []

    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
        await kept.open(HALL)
        kept.stored = lambda path, _, entries: calls.append((path, len(entries)))  # type: ignore[method-assign]
        for number in range(100):
            kept.history.append(LOBBY, said(str(number), 0.0), lambda _: None)
            kept.history.append(HALL, said(str(number), 0.0), lambda _: None)
        await kept.until(lambda: len(calls) == 2)
    assert sorted(calls) == sorted([(LOBBY, 100), (HALL, 100)])


# Bounds


@pytest_twisted.ensureDeferred
async def test_the_file_does_not_grow_with_what_is_too_many(tmp_path: Path) -> None:
    """It has at most a few more than the room keeps, and the count goes on over a restart."""
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY, Keep(10, 1000.0))
        for number in range(20):
            await kept.say(LOBBY, *[str(number)] * 10)
            assert len(lines(tmp_path)) <= 10 + SLACK
    async with sqlite_history(tmp_path) as kept:
        assert (await kept.open(LOBBY, Keep(10, 1000.0))).offset == 200
        assert (await kept.read(LOBBY, 0)).first == 191


@pytest_twisted.ensureDeferred
async def test_a_room_that_opens_and_closes_for_each_line_does_not_grow(tmp_path: Path) -> None:
    """As one does into which a program speaks now and then."""
    async with sqlite_history(tmp_path) as kept:
        for number in range(3 * SLACK):
            kept.open_soon(LOBBY, Keep(1, 1000.0))
            kept.say_soon(LOBBY, str(number))
            kept.close(LOBBY)
            await kept.settle()
        assert len(lines(tmp_path)) <= 1 + SLACK


@pytest_twisted.ensureDeferred
async def test_a_room_has_so_many_bytes(tmp_path: Path) -> None:
    """Its oldest entries go, and the page says so."""
    async with sqlite_history(tmp_path, bounds=Bounds(room=10_000)) as kept:
        await kept.open(LOBBY)
        await kept.say(LOBBY, *[LINE] * 50)
        page = await kept.read(LOBBY, 0)
        assert page.top == 50
        assert 5 <= len(page.entries) <= 10
        assert page.first == 51 - len(page.entries)
        await kept.say(LOBBY, LINE)
        assert (await kept.read(LOBBY, 0)).first == page.first  # there is space again
        await kept.say(LOBBY, "z" * 20_000)
        page = await kept.read(LOBBY, 0)
        assert (page.first, page.top) == (53, 52)


@pytest_twisted.ensureDeferred
async def test_all_rooms_have_so_many_bytes(tmp_path: Path) -> None:
    """The rooms that were silent for longest lose everything; an open one counts on."""
    clock = ManualClock()
    async with sqlite_history(tmp_path, clock, Bounds(total=1_000_000)) as kept:
        opened = await kept.open(HALL)
        for number in range(40):
            path = HALL if number == 0 else f"/ws/chat/{number}"
            if number:
                await kept.open(path)
            await kept.say(path, *[LINE] * 50)
            if number:
                kept.close(path)
            assert len(lines(tmp_path)) >= 50 * min(number + 1, 10)
            clock.advance(1.0)
        assert (tmp_path / NAME).stat().st_size < 2_000_000
        page = await kept.read(HALL)
        assert (page.epoch, page.first, page.top) == (opened.epoch, 51, 50)
        for number in range(30, 40):
            assert (await kept.open(f"/ws/chat/{number}")).offset == 50
        lost = await kept.open("/ws/chat/1")
        assert lost.offset == 0
        assert lost.epoch != opened.epoch


@pytest_twisted.ensureDeferred
async def test_what_is_too_old_leaves_the_file(tmp_path: Path) -> None:
    """In rooms that are open and in those that are not, also when a restart is between."""
    clock = ManualClock()
    keep = Keep(1000, 600.0)
    async with sqlite_history(tmp_path, clock) as kept:
        await kept.open(LOBBY, keep)
        await kept.open(HALL, keep)
        await kept.say(LOBBY, "old")
        await kept.say(HALL, "old")
        kept.close(HALL)
        await kept.pass_time(minutes=5)
        await kept.say(LOBBY, "newer")
    async with sqlite_history(tmp_path, clock) as kept:
        await kept.open(LOBBY, keep)
        await kept.pass_time(minutes=7)
        assert lines(tmp_path) == ["newer"]
        assert rows(tmp_path, "SELECT path FROM room") == [(LOBBY,)]
        page = await kept.read(LOBBY, 0)
        assert (page.first, page.top, texts(page.entries)) == (2, 2, ["newer"])
        await kept.pass_time(minutes=12)
        assert lines(tmp_path) == []
        assert [place.offset for place in await kept.say(LOBBY, "newest")] == [3]


@pytest_twisted.ensureDeferred
async def test_more_old_rooms_than_one_transaction_takes_go_at_once(tmp_path: Path) -> None:
    """Others are served in between, and nobody waits a minute for the rest."""
    async with sqlite_history(tmp_path) as kept:
        for number in range(450):
            kept.open_soon(f"/ws/chat/{number}", Keep(1000, 600.0))
            kept.say_soon(f"/ws/chat/{number}", "old")
            kept.close(f"/ws/chat/{number}")
        await kept.settle()
        assert len(lines(tmp_path)) == 450
        await kept.pass_time(minutes=11)
        await kept.until(lambda: lines(tmp_path) == [])


@pytest_twisted.ensureDeferred
async def test_a_shorter_time_counts_for_what_is_there(tmp_path: Path) -> None:
    """From the next word on, as the file has it then."""
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY, Keep(1000, 86400.0))
        await kept.say(LOBBY, "old")
        kept.close(LOBBY)
        await kept.pass_time(minutes=11)
        assert lines(tmp_path) == ["old"]
        await kept.open(LOBBY, Keep(1000, 600.0))
        await kept.say(LOBBY, "new")
        await kept.pass_time(minutes=1)
        assert lines(tmp_path) == ["new"]


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_WAITING", 3), ("MAX_WAITING_BYTES", 3 * len(LINE))]
)
@pytest_twisted.ensureDeferred
async def test_what_is_too_much_at_once_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    """At once; what was taken before is stored, and so is what comes later."""
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
        monkeypatch.setattr(history_module, limit, value)
        asked = kept.say_soon(LOBBY, *[LINE] * 5)
        refused = [each.answers[0] for each in asked if each.answers]
        assert [type(each) for each in refused] == [Rejected] * 2
        assert refused[0].reason == "not-stored"
        assert not refused[0].is_garbage
        await kept.settle()
        assert [place.offset for place in await kept.say(LOBBY, LINE, LINE)] == [4, 5]
        assert len(kept.troubles()) == 2
