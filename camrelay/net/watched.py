"""Something that is read from files, and read again when they have changed.

The files are looked at every few seconds. inotify would be told at once, but of the wrong thing:
certbot and Kubernetes change what a symbolic link leads to, network and container file systems
send no word, and it exists on Linux only. Asking for the state of a file costs microseconds.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from camrelay.core.errors import StartError

# Looks at files that are at rest but make no sense before they are complained about: whoever
# copies a certificate and then its key takes a moment.
PATIENCE = 3

Value = TypeVar("Value")


class Watched(Generic[Value]):
    """The value that was read last, which stays while the files make no sense."""

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
        """Read if the files have changed, and have not since the last look; whether it did so.

        Raises StartError when they have made no sense for PATIENCE looks, and not again before
        they change.
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
    """What changes when the content or the permissions of `file` do; None when it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
