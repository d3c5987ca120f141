"""Files that several processes share."""

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from camrelay.core.errors import StartError
from camrelay.files import read_secret, turn, write_whole
from tests.support.server import clean_environment

OWNER = 12345 if os.geteuid() == 0 else os.geteuid()


def test_a_file_appears_whole_and_with_its_mode(tmp_path: Path) -> None:
    """Who has the old one open goes on reading that."""
    file = tmp_path / "secret"
    write_whole(file, b"old", 0o600)
    with file.open("rb") as reading:
        write_whole(file, b"new", 0o600)
        assert reading.read() == b"old"
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret"]


def test_what_is_left_of_an_interrupted_write_does_not_matter(tmp_path: Path) -> None:
    """Whatever it holds, and whoever may read it."""
    left = tmp_path / "secret.new"
    left.write_bytes(b"half")
    left.chmod(0o644)
    write_whole(tmp_path / "secret", b"whole", 0o600)
    assert (tmp_path / "secret").read_bytes() == b"whole"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_file_belongs_to_whom_the_folder_belongs(tmp_path: Path) -> None:
    """An administrator who runs a command as root takes nothing away from the server."""
    if os.geteuid() == 0:
        os.chown(tmp_path, OWNER, OWNER)
    write_whole(tmp_path / "secret", b"", 0o600)
    with turn(tmp_path / "lock"):
        pass
    assert {file.stat().st_uid for file in tmp_path.iterdir()} == {OWNER}


def test_a_turn_ends_before_the_next_begins(tmp_path: Path) -> None:
    """In another process, too."""
    lock = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from camrelay.files import turn\n"
        "with turn(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    )
    with turn(lock):
        pass
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(),
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(BlockingIOError):
            _take_at_once(lock)
        other.communicate(timeout=10)
    _take_at_once(lock)


def _take_at_once(lock: Path) -> None:
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o440])
def test_a_secret_is_for_owner_and_group(tmp_path: Path, mode: int) -> None:
    """As configuration tools hand them out."""
    file = tmp_path / "secret"
    file.write_bytes(b"x")
    file.chmod(mode)
    assert read_secret("--data-dir", file) == b"x"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o602, 0o777])
def test_a_secret_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that repairs it."""
    file = tmp_path / "my secret"
    file.write_bytes(b"x")
    file.chmod(mode)
    with pytest.raises(StartError) as caught:
        read_secret("--data-dir", file)
    assert str(caught.value) == (
        f"--data-dir: {str(file)!r} has secrets that other users can reach (mode {mode:o}): "
        f"run chmod 600 '{file}'"
    )
