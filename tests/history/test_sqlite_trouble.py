"""What can happen to the file, before the start and while the server runs."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
import pytest_twisted

from camrelay.core.errors import Rejected, StartError
from camrelay.core.history import Position
from camrelay.history.sqlite import database as database_module
from camrelay.history.sqlite import history as history_module
from camrelay.history.sqlite.database import NAME, Database
from tests.support.kept import said, texts
from tests.support.sqlite_history import sqlite_history

LOBBY, HALL = "/ws/chat/lobby", "/ws/chat/hall"
# More than there can be free space for in a file that is full.
BIG = "x" * 60_000


# While the server runs


class Ailing(Database):
    """A database that can be limited while it is open."""

    limit = "PRAGMA user_version"

    def connect(self) -> sqlite3.Connection:
        """A connection with the limit that holds now."""
        self.newest = super().connect()
        self.newest.execute(self.limit)
        return self.newest

    @contextmanager
    def limited(self, pragma: str) -> Iterator[None]:
        """With a limit on this connection and on new ones."""
        self.newest.execute(pragma)
        self.limit = pragma
        yield
        self.limit = Ailing.limit


@contextmanager
def full(database: Ailing) -> Iterator[str]:
    """The file may not grow: SQLite says the same as when the disk has no space left."""
    with database.limited("PRAGMA max_page_count = 1"):
        yield "the disk is full"


@contextmanager
def read_only(database: Ailing) -> Iterator[str]:
    """Nothing may be written, as on a disk that the system has mounted so after an error."""
    with database.limited("PRAGMA query_only = ON"):
        yield "it is not writable"


@contextmanager
def locked(database: Ailing) -> Iterator[str]:
    """Somebody looks at the file with another program, and changes something."""
    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield "another program has locked it"


Trouble = Callable[[Ailing], AbstractContextManager[str]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for another program does not wait for seconds."""
    monkeypatch.setattr(database_module, "PATIENCE", 0.01)


@pytest.mark.parametrize("trouble", [full, read_only, locked])
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_stored_is_refused(tmp_path: Path, trouble: Trouble) -> None:
    """The operator is told why; when the cause is gone the count goes on without a hole."""
    database = Ailing(tmp_path)
    async with sqlite_history(database) as kept:
        opened = await kept.open(LOBBY)
        await kept.say(LOBBY, "before")
        with trouble(database) as why:
            refused = await kept.append(LOBBY, said(BIG, 0.0))
            assert isinstance(refused, Rejected)
            assert (refused.reason, refused.is_garbage) == ("not-stored", False)
            assert str(tmp_path) not in refused.detail
        assert await kept.say(LOBBY, "after") == [Position(opened.epoch, 2)]
        assert texts((await kept.read(LOBBY, 0)).entries) == ["before", "after"]
        assert kept.told(LOBBY) == ["before", "after"]
    assert why in kept.troubles()[-1]
    assert [note.event for note in kept.journal.notes[-2:]] == ["not_stored", "stores_again"]


@pytest_twisted.ensureDeferred
async def test_more_than_the_disk_takes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator is told, and told again when there is room."""
    monkeypatch.setattr(history_module, "MAX_WAITING", 4)
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
        asked = kept.say_soon(LOBBY, *"abcdef")
        answers = [await kept.answer(each) for each in asked]
        assert [isinstance(answer, Rejected) for answer in answers] == [False] * 4 + [True] * 2
        await kept.say(LOBBY, "after")
        assert kept.told(LOBBY) == [*"abcd", "after"]
    events = [note.event for note in kept.journal.notes]
    assert events == ["not_stored", "not_stored", "stores_again"]
    assert kept.troubles() == ["the disk is too slow"] * 2


@pytest.mark.parametrize("trouble", [full, read_only, locked])
@pytest_twisted.ensureDeferred
async def test_what_was_said_can_be_read_meanwhile(tmp_path: Path, trouble: Trouble) -> None:
    """Also in a room that is opened only now, and together with what is refused."""
    database = Ailing(tmp_path)
    async with sqlite_history(database) as kept:
        await kept.open(LOBBY)
        await kept.say(LOBBY, "before")
        kept.close(LOBBY)
        await kept.open(HALL)
        with trouble(database):
            opened = kept.open_soon(LOBBY)
            (refused,) = kept.say_soon(LOBBY, BIG)
            read = kept.read_soon(LOBBY, 0)
            assert (await kept.answer(opened)).offset == 1
            assert isinstance(await kept.answer(refused), Rejected)
            page = await kept.answer(read)
            assert (page.top, texts(page.entries)) == (1, ["before"])
            assert (await kept.read(LOBBY, 0)).top == 1
            assert kept.journal.of("stores_again") == [], "to read is not to store"


@pytest_twisted.ensureDeferred
async def test_nothing_is_stored_in_a_room_that_hears_nothing(tmp_path: Path) -> None:
    """It could not be opened: until it is opened again, everything is refused."""
    async with sqlite_history(tmp_path) as kept:
        file = kept.database.file
        moved = file.rename(file.with_suffix(".moved"))
        assert isinstance(await kept.answer(kept.open_soon(LOBBY)), Rejected)
        assert "it cannot be opened" in kept.troubles()[0]
        moved.rename(file)
        assert isinstance(await kept.append(LOBBY, said("unheard", 0.0)), Rejected)
        kept.close(LOBBY)
        await kept.open(LOBBY)
        await kept.say(LOBBY, "heard")
        assert texts((await kept.read(LOBBY, 0)).entries) == ["heard"]


@pytest_twisted.ensureDeferred
async def test_damage_in_the_middle_is_named(tmp_path: Path) -> None:
    """The server stays, and what is not damaged is told."""
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
        await kept.say(LOBBY, *[BIG] * 10)
    file = tmp_path / NAME
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    async with sqlite_history(tmp_path) as kept:
        await kept.answer(kept.open_soon(LOBBY))
        assert isinstance(await kept.answer(kept.read_soon(LOBBY, 0)), Rejected)
        assert "it is damaged" in kept.troubles()[0]


@pytest_twisted.ensureDeferred
async def test_a_bug_of_who_is_called_back_hurts_nobody_else(tmp_path: Path) -> None:
    """It is noted, and the next one has its answer."""
    async with sqlite_history(tmp_path) as kept:
        await kept.open(LOBBY)
        kept.history.append(LOBBY, said("one", 0.0), lambda _: [][0])
        assert [place.offset for place in await kept.say(LOBBY, "two")] == [2]
        (note,) = kept.journal.of("failed")
        assert isinstance(note.what, IndexError)
        kept.journal.notes.clear()


# Before the start


def other_program(file: Path) -> None:
    """A database with a table of its own."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")


def newer_camrelay(file: Path) -> None:
    """Somebody has gone back to an older version of the program."""
    Database(file.parent).release()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 999")


def garbage(file: Path) -> None:
    """Not a database."""
    file.write_bytes(b"It was a dark and stormy night. " * 1000)


def damaged_in_a_crash(file: Path) -> None:
    """The process has not closed the file, and then a part of it was lost."""
    database = Database(file.parent)
    with closing(database.connect()) as connection:
        connection.execute("INSERT INTO room VALUES (1, '/a', 'e', 0, 1.0, 1.0)")
        for offset in range(100):
            row = (1, offset, 1.0, "", "", "", False, BIG)
            connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    database.release()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))


def in_the_way(file: Path) -> None:
    """A folder of that name."""
    file.mkdir()


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (other_program, "is a database of another program: move it away"),
        (newer_camrelay, "was made by a newer camrelay (tables 999, this one knows 1): install"),
        (garbage, "is damaged (file is not a database): restore a backup (camrelay history res"),
        (damaged_in_a_crash, "is damaged ("),
        (in_the_way, "cannot be used (Is a directory): name a --data-dir that we can write to"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start(
    tmp_path: Path, make: Callable[[Path], None], remedy: str
) -> None:
    """In one line that names the file and what to do; nothing in it is changed."""
    file = tmp_path / NAME
    make(file)
    before = file.read_bytes() if file.is_file() else b""
    with pytest.raises(StartError) as caught:
        Database(tmp_path)
    assert str(caught.value).startswith(f"--history: '{file}' {remedy}")
    assert before == (file.read_bytes() if file.is_file() else b"")


def test_a_file_that_is_in_use_stops_the_start(tmp_path: Path) -> None:
    """Two servers would give the same places; the second starts when the first is gone."""
    first = Database(tmp_path)
    with pytest.raises(StartError, match="is used by another camrelay: stop that one, or"):
        Database(tmp_path)
    first.release()
    Database(tmp_path).release()


@pytest_twisted.ensureDeferred
async def test_after_the_end_of_the_machine_nobody_goes_on_from_before(tmp_path: Path) -> None:
    """Entries that were told may be lost, and their offsets given again: so in a new epoch."""
    epochs = []
    for boot in (None, "another boot", None):
        async with sqlite_history(tmp_path) as kept:
            epochs.append((await kept.open(LOBBY)).epoch)
            await kept.say(LOBBY, "line")
            epochs.append((await kept.open(HALL)).epoch)
            assert len((await kept.read(LOBBY, 0)).entries) == len(epochs) // 2
        if boot is not None:
            with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as connection:
                connection.execute("UPDATE store SET boot = ?", (boot,))
    assert epochs[0] == epochs[1] == epochs[2] == epochs[3]
    assert epochs[4] != epochs[0]
    assert epochs[5] != epochs[0]


@pytest_twisted.ensureDeferred
async def test_after_the_end_of_the_process_alone_everybody_goes_on(tmp_path: Path) -> None:
    """The system still writes what it was given."""
    database = Database(tmp_path)
    with closing(database.connect()) as connection:
        (epoch,) = connection.execute("SELECT epoch FROM store").fetchone()
    database.release()
    async with sqlite_history(tmp_path) as kept:
        assert (await kept.open(LOBBY)).epoch == epoch
