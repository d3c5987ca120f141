"""The server's own keys while it runs: the file is read again when it changes."""

from collections.abc import Callable, Mapping
from pathlib import Path

from camrelay.core.errors import StartError
from camrelay.identity.jwk import Key
from camrelay.identity.key_file import KeyFile, KeyRing
from camrelay.identity.watched import WatchedFile
from camrelay.ports import KeyJournal


class OwnKeys:
    """Verifies and signs with the keys in `keys.json`; the file may not exist yet."""

    def __init__(self, directory: Path, now: Callable[[], float], journal: KeyJournal) -> None:
        """`now`: seconds of a clock that does not run backwards. Raises StartError."""
        self._file = KeyFile(directory)
        self._watched = WatchedFile(self._file.path, now)
        self._journal = journal
        self._watched.look()
        self._ring: KeyRing | None = self._file.read()

    def find(self, kid: str) -> Key | None:
        """The key that `kid` names. Our own tokens always name theirs.

        One that is not known may have been made just now: who has its token does not wait.
        """
        known = self.believed()
        if kid not in known and self._watched.look():
            self._read()
            known = self.believed()
        return known.get(kid)

    def believed(self) -> Mapping[str, Key]:
        """All of them, by their names."""
        self._refresh()
        return self._ring.keys.keys if self._ring else {}

    def signing(self) -> Key:
        """The key to sign with; at first need it is made. Raises StartError."""
        self._refresh()
        if self._ring is None:
            self._take(self._make())
        assert self._ring is not None
        return self._ring.signing

    def _make(self) -> KeyRing:
        try:
            return self._file.read_or_make()
        except StartError as error:
            self._journal.keys_not_made(str(error))
            raise

    def _refresh(self) -> None:
        if self._watched.has_changed():
            self._read()

    def _read(self) -> None:
        try:
            ring = self._file.read()
        except StartError as error:
            self._journal.keys_not_read(str(self._file.path), str(error))
            return
        if ring is None:
            self._journal.keys_not_read(str(self._file.path), "the file is gone")
        else:
            self._take(ring)

    def _take(self, ring: KeyRing) -> None:
        self._ring = ring
        self._journal.keys_read(str(self._file.path), list(ring.keys.keys))
