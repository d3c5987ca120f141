"""What SQLite complains about, for people (https://www.sqlite.org/rescode.html)."""

import sqlite3

_WORDS = {
    sqlite3.SQLITE_BUSY: "another program has locked it",
    sqlite3.SQLITE_LOCKED: "another program has locked it",
    sqlite3.SQLITE_READONLY: "it is not writable",
    sqlite3.SQLITE_PERM: "it is not readable",
    sqlite3.SQLITE_IOERR: "the disk has an I/O error",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
}


def in_words(error: sqlite3.Error) -> str:
    """What is the matter with the file, and what SQLite says."""
    words = _WORDS.get(primary_code(error))
    return f"{words} ({error})" if words else str(error)


def is_damage(error: sqlite3.Error) -> bool:
    """The file will not get well by itself."""
    return primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def primary_code(error: sqlite3.Error) -> int:
    """The result code without its details; 0 when Python itself complains."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
