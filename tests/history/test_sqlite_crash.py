"""The process is killed while it stores: what it has acknowledged is there afterwards."""

import random
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from camrelay.history.sqlite.database import NAME
from tests.support import appender
from tests.support.process import Process

CHECKOUT = Path(__file__).parents[2]


def kill_under_load(directory: Path, run: int, moment: float) -> list[str]:
    """The acknowledgements of a process that was killed `moment` seconds after its first one."""
    command = [sys.executable, str(Path(appender.__file__)), str(directory), str(run)]
    with Process(command, directory, {"PYTHONPATH": str(CHECKOUT)}) as process:
        process.wait_for_log(rf"{run}-1\n")
        time.sleep(moment)  # chance, not patience: any moment will do
        process.kill()
        whole, _, _ = process.log.rpartition("\n")
        return whole.splitlines()


@pytest.mark.parametrize(
    "kills", [4, pytest.param(20, marks=[pytest.mark.faults, pytest.mark.timeout(300)])]
)
def test_no_acknowledged_message_is_lost(tmp_path: Path, kills: int) -> None:
    """However often it is killed: every one is in its place, and there is no hole."""
    acknowledged: list[str] = []
    for run in range(kills):
        acknowledged += kill_under_load(tmp_path, run, random.uniform(0.0, 0.3))
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        entries = connection.execute(
            "SELECT path, epoch, offset, body FROM entry JOIN room ON id = room"
        ).fetchall()
        ends = connection.execute(
            "SELECT min(offset), max(offset) - count(*) FROM entry GROUP BY room"
        ).fetchall()
    stored = {f"{path} {epoch} {offset} {body}" for path, epoch, offset, body in entries}
    assert len(acknowledged) > 100 * kills
    assert set(acknowledged) - stored == set()
    assert set(ends) == {(1, 0)}
