"""The file: one process at a time writes it, and it is looked at before anything relies on it."""

import fcntl
import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

from camrelay.core.errors import StartError
from camrelay.history.sqlite.schema import Damaged, Unsuitable, check, upgrade
from camrelay.history.sqlite.words import in_words, is_damage

NAME = "history.sqlite3"
OPTION = "--history"

# Seconds to wait for another program that has locked the file.
PATIENCE = 2.0

# Pages in the write-ahead log before they are copied to the file, and its size afterwards.
CHECKPOINT_PAGES = 4000
LOG_BYTES = 16 << 20

Sync = Literal["normal", "full"]
REMEDY = "restore a backup (camrelay history restore FILE), or move it away to begin anew"


class Database:
    """`history.sqlite3` in a folder, claimed by this process.

    The claim is a lock on a file beside it, which the system gives back should the process die.
    Other programs may read.
    """

    def __init__(self, data_dir: Path, sync: Sync = "normal") -> None:
        """Claim the file, make or upgrade its tables, and check it after a crash.

        Raises StartError. `sync`: whether a commit waits for the disk (full), or leaves it to the
        system when to write (normal): https://www.sqlite.org/pragma.html#pragma_synchronous
        """
        self.file = data_dir.absolute() / NAME
        self._sync = sync
        self._claim = -1
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._claim = claim(self.file)
            self._prepare()
        except BaseException as error:
            self.release()
            remedy = _remedy(error)
            if remedy is None:
                raise
            raise StartError(OPTION, str(self.file), remedy) from error

    def connect(self) -> sqlite3.Connection:
        """A new connection. Raises sqlite3.Error."""
        connection = connect(self.file)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._sync}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def close(self, connection: sqlite3.Connection) -> None:
        """Close the last connection; the file says that nothing is missing. Raises sqlite3.Error.

        The write-ahead log is copied to the file, which is written to the disk, and goes.
        """
        with closing(connection):
            connection.execute("UPDATE store SET boot = ''")

    def release(self) -> None:
        """Let other processes have the file."""
        if self._claim >= 0:
            os.close(self._claim)
            self._claim = -1

    def _prepare(self) -> None:
        """The connection is closed again: the process may fork before it needs one."""
        os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(connect(self.file)) as connection:
            upgrade(connection)
        with closing(self.connect()) as connection:
            (boot,) = connection.execute("SELECT boot FROM store").fetchone()
            this_boot = boot_id()
            if boot:
                check(connection, "quick_check")
            if boot and boot != this_boot:
                renew_epochs(connection)
            connection.execute("UPDATE store SET boot = ?", (this_boot,))


def connect(file: Path) -> sqlite3.Connection:
    """Open a database that is there; transactions begin when told. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )


def claim(file: Path) -> int:
    """A descriptor that holds the lock beside `file` until it is closed. Raises OSError."""
    descriptor = os.open(f"{file}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def renew_epochs(connection: sqlite3.Connection) -> None:
    """Entries that somebody has got may be missing, so their offsets may be given again.

    Whoever asks for what came behind a place in an old epoch is told that nobody knows.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE room SET epoch = lower(hex(randomblob(5)))")
    connection.execute("UPDATE store SET epoch = lower(hex(randomblob(5)))")
    connection.execute("COMMIT")


def boot_id() -> str:
    """A name for the time since the machine was started; where it has none, always another."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return secrets.token_hex(8)


def _remedy(error: BaseException) -> str | None:
    match error:
        case Damaged():
            return f"{error}: {REMEDY}"
        case Unsuitable():
            return str(error)
        case BlockingIOError():
            return "is used by another camrelay: stop that one, or give this one its own --data-dir"
        case OSError():
            return f"cannot be used ({error.strerror}): name a --data-dir that we can write to"
        case sqlite3.Error() if is_damage(error):
            return f"is damaged ({error}): {REMEDY}"
        case sqlite3.Error():
            return f"cannot be used: {in_words(error)}"
    return None
