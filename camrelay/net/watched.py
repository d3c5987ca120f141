"""A value that is read from files, and read again when they have changed.

The files are polled every few seconds. inotify would react at once, but would miss changes:
certbot and Kubernetes change the target of a symbolic link, network and container file systems
send no notifications, and it exists on Linux only. Checking the state of a file takes microseconds.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from camrelay.core.errors import StartError

# How often files that are stable but invalid are read before that is an error: copying a
# certificate and then its key takes a moment.
PATIENCE = 3

Value = TypeVar("Value")


class Watched(Generic[Value]):
    """The value that was read last, which stays while the files are invalid."""

    def __init__(self, files: Sequence[Path], read: Callable[[], Value]) -> None:
        """`read` makes the value out of `files`, or raises StartError. Nothing is read yet."""
        self.files = files
        self.value: Value | None = None
        self.is_refused = False
        self._read = read
        self._seen = self._state()
        self._looks = 1  # at the files as they are; 0 when there is nothing more to do

    def read(self) -> None:
        """Read now. Raises StartError, and then the value stays what it was."""
        self._seen = self._state()  # before: what changes while it is read is seen next time
        self._looks = 0
        self.is_refused = True
        self.value = self._read()
        self.is_refused = False

    def look(self) -> bool:
        """Read the files if they have changed and are stable; returns whether they were read.

        Raises StartError when they have been invalid for PATIENCE looks, and not again before they
        change.
        """
        seen = self._state()
        if seen != self._seen:
            self._seen, self._looks = seen, 1
            return False
        looks = self._looks
        if not looks:
            return False
        try:
            self.read()
        except StartError:
            if looks >= PATIENCE:
                raise
            self._looks = looks + 1
            return False
        return True

    def _state(self) -> list[tuple[int, ...] | None]:
        return [_state(file) for file in self.files]


def _state(file: Path) -> tuple[int, ...] | None:
    """A value that changes with the content or permissions of `file`; None if it is missing."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
