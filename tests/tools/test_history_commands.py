"""`camrelay history`: a copy of the history is made, checked and put back."""

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
import pytest_twisted

from camrelay.history.sqlite.database import NAME
from tests.support import appender
from tests.support.kept import texts
from tests.support.process import Process
from tests.support.sqlite_history import sqlite_history
from tests.tools.commands import run_camrelay

LOBBY = "/ws/chat/lobby"
CHECKOUT = Path(__file__).parents[2]


def command(*words: str | Path, data_dir: Path) -> str:
    """What a command prints that is successful."""
    result = run_camrelay("history", *words, cwd=data_dir, CAMRELAY_DATA_DIR=str(data_dir))
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def refusal(*words: str | Path, data_dir: Path) -> str:
    """Why a command does nothing."""
    result = run_camrelay("history", *words, cwd=data_dir, CAMRELAY_DATA_DIR=str(data_dir))
    assert (result.returncode, result.stdout) == (1, "")
    return result.stderr


async def say(directory: Path, *lines: str) -> str:
    """A server runs, somebody says some lines, and it stops; gives the epoch."""
    async with sqlite_history(directory) as kept:
        opened = await kept.open(LOBBY)
        await kept.say(LOBBY, *lines)
        return opened.epoch


def test_a_backup_under_load_is_whole(tmp_path: Path) -> None:
    """It has everything that was acknowledged before it began, and no hole."""
    data_dir, copy = tmp_path / "data", tmp_path / "copy.sqlite3"
    data_dir.mkdir()
    speak = [sys.executable, str(Path(appender.__file__)), str(data_dir), "1"]
    with Process(speak, data_dir, {"PYTHONPATH": str(CHECKOUT)}) as process:
        process.wait_for_log("1-1000\n")
        before = process.log
        said = command("backup", copy, data_dir=data_dir)
        process.wait_for_log("1-", start=len(process.log))
        process.kill()
    assert re.fullmatch(rf"{copy} is sound: \d+\.\d MB, messages: [\d,]+, rooms: 3\n", said)
    with closing(sqlite3.connect(copy)) as connection:
        ends = connection.execute(
            "SELECT min(offset), max(offset) - count(*) FROM entry GROUP BY room"
        ).fetchall()
        rows = connection.execute(
            "SELECT path, epoch, offset, body FROM entry JOIN room ON id = room"
        ).fetchall()
    assert ends == [(1, 0)] * 3
    acknowledged = set(before.rpartition("\n")[0].splitlines())
    assert acknowledged - {" ".join(map(str, row)) for row in rows} == set()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.sqlite3", "data"]
    assert copy.stat().st_mode & 0o077 == 0


@pytest_twisted.ensureDeferred
async def test_a_backup_can_be_put_back(tmp_path: Path) -> None:
    """What was said since is gone, and nobody goes on from a place in it."""
    epoch = await say(tmp_path, "one", "two")
    copy = tmp_path / "copy.sqlite3"
    command("backup", copy, data_dir=tmp_path)
    assert await say(tmp_path, "three") == epoch
    said = command("restore", copy, data_dir=tmp_path)
    assert said.splitlines() == [
        f"{tmp_path / NAME} is sound: 0.0 MB, messages: 2, rooms: 1",
        f"the previous history is now {tmp_path / NAME}.before-restore-1",
    ]
    async with sqlite_history(tmp_path) as kept:
        assert (await kept.open(LOBBY)).epoch != epoch
        assert texts((await kept.read(LOBBY, 0)).entries) == ["one", "two"]
    with closing(sqlite3.connect(f"{tmp_path / NAME}.before-restore-1")) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (3,)


@pytest_twisted.ensureDeferred
async def test_a_backup_is_put_where_nothing_was(tmp_path: Path) -> None:
    """As on a new machine."""
    await say(tmp_path / "old", "one")
    copy = tmp_path / "copy.sqlite3"
    command("backup", "--data-dir", tmp_path / "old", copy, data_dir=tmp_path)
    command("restore", "--data-dir", tmp_path / "new", copy, data_dir=tmp_path)
    async with sqlite_history(tmp_path / "new") as kept:
        await kept.open(LOBBY)
        assert texts((await kept.read(LOBBY)).entries) == ["one"]


@pytest_twisted.ensureDeferred
async def test_nothing_is_put_back_while_the_server_runs(tmp_path: Path) -> None:
    """It would go on writing into the file that was there before."""
    await say(tmp_path, "one")
    copy = tmp_path / "copy.sqlite3"
    command("backup", copy, data_dir=tmp_path)
    async with sqlite_history(tmp_path):
        assert "is in use by a running server: stop it first" in refusal(
            "restore", copy, data_dir=tmp_path
        )


@pytest_twisted.ensureDeferred
async def test_damage_is_found(tmp_path: Path) -> None:
    """Wherever it is; a damaged file is neither copied nor put back."""
    await say(tmp_path, *["x" * 1000] * 200)
    command("check", data_dir=tmp_path)
    file = tmp_path / NAME
    whole = file.read_bytes()
    file.write_bytes(whole[:20_000] + bytes(20_000) + whole[40_000:])
    bad = tmp_path / "bad.sqlite3"
    file.rename(bad)
    await say(tmp_path, "good")
    assert command("check", data_dir=tmp_path).endswith(" messages: 1, rooms: 1\n")
    for words in (["check", bad], ["restore", bad]):
        assert f"'{bad}' is damaged" in refusal(*words, data_dir=tmp_path)
    bad.rename(file)
    copy = tmp_path / "copy.sqlite3"
    assert f"'{file}' is damaged" in refusal("backup", copy, data_dir=tmp_path)
    assert not copy.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "does not exist"),
        (b"", "holds no history"),
        (b"dear diary" * 500, "cannot be used: it is damaged (file is not a database)"),
    ],
)
def test_what_is_no_history_is_not_put_back(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    """It is named, and what is there stays."""
    file = tmp_path / "photo.jpg"
    if content is not None:
        file.write_bytes(content)
    said = refusal("restore", file, data_dir=tmp_path)
    assert said == f"Error: file: '{file}' {complaint}\n"
    assert not (tmp_path / NAME).exists()


def test_a_backup_of_nothing_says_where_it_looked(tmp_path: Path) -> None:
    """The wrong --data-dir is the usual reason."""
    said = refusal("backup", tmp_path / "copy.sqlite3", data_dir=tmp_path)
    assert said == f"Error: file: '{tmp_path / NAME}' does not exist\n"


@pytest_twisted.ensureDeferred
async def test_a_backup_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    """And leaves nothing behind."""
    await say(tmp_path, "one")
    target = tmp_path / "nowhere" / "copy.sqlite3"
    said = refusal("backup", target, data_dir=tmp_path)
    assert said == f"Error: file: '{target}' cannot be used: No such file or directory\n"
