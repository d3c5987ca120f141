"""Files that several processes share: written atomically, and secrets not readable for others."""

import fcntl
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from camrelay.core.errors import StartError


@contextmanager
def turn(lock: Path) -> Iterator[None]:
    """Hold `lock`: one process at a time. The system releases it if the process dies."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _give(descriptor, lock.parent)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_whole(file: Path, content: bytes, mode: int) -> None:
    """Make `file` appear whole: readers see what was there before, or all of `content`."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as stream:
        _give(descriptor, file.parent)
        stream.write(content)
        stream.flush()
        os.fsync(descriptor)
    new.replace(file)


def _give(descriptor: int, directory: Path) -> None:
    """What root makes belongs to whom the folder belongs: the user who runs the server."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def read_secret(option: str, file: Path) -> bytes:
    """The content of a file with secrets, which `option` named. Raises OSError.

    Raises StartError when anybody but the owner may change it, or anybody but owner and group
    may read it.
    """
    with file.open("rb") as stream:
        mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        if mode & 0o037:
            command = f"chmod 600 {shlex.quote(str(file))}"
            remedy = f"has secrets that other users can reach (mode {mode:o}): run {command}"
            raise StartError(option, str(file), remedy)
        return stream.read()
