"""The server's own keys: a JWK Set with private keys in the data directory.

    {"signing": "20261018-5f1c8a", "keys": [{"kid": "20260401-a07e11", ...}, ...]}

All of them are accepted, and one signs (RFC 7517 section 5 lets a set have members of its own).
The newest key is the last.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from camrelay.core.errors import StartError
from camrelay.files import read_secret, turn, write_whole
from camrelay.identity.jwk import HS256, Document, Key, KeySet, new_key, read_document, read_key

FILE_NAME = "keys.json"


class KeyRing(NamedTuple):
    """The keys that are accepted, and the one that signs."""

    keys: KeySet
    signing: Key


class KeyFile:
    """Reads and changes the file. Processes that change it at the same time take turns."""

    def __init__(self, directory: Path) -> None:
        """The file is in `directory`, which is made when it is needed."""
        self.path = directory.absolute() / FILE_NAME

    def read(self) -> KeyRing | None:
        """What is in the file; None when there is none.

        Raises StartError when it is damaged, or others can read it.
        """
        document = self._document()
        return None if document is None else self._ring(document)

    def read_or_make(self) -> KeyRing:
        """What is in the file, which gets its first key when there is none. Raises StartError."""
        return self.read() or self._change(_begin)

    def add(self, algorithm: str) -> Key:
        """Add a key that is accepted but does not sign yet. Raises StartError."""
        ring = self._change(lambda document: _append(document, algorithm))
        return [*ring.keys.keys.values()][-1]

    def rotate(self) -> Key:
        """Let the newest key sign; one of the same kind is made when it does already.

        Raises StartError.
        """
        return self._change(_rotate).signing

    def retire(self, kid: str) -> None:
        """Remove the key `kid`. Raises StartError if it is the signing key, or missing."""
        self._change(lambda document: _retire(document, kid))

    def _change(self, edit: Callable[[Document], None]) -> KeyRing:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with turn(self.path.with_suffix(".lock")):
                document = self._document() or Document([])
                if document.keys:
                    self._ring(document)
                edit(document)
                ring = self._ring(document)
                content = msgspec.json.format(msgspec.json.encode(document))
                write_whole(self.path, content + b"\n", self._mode())
                return ring
        except OSError as error:
            remedy = f"cannot be written ({error.strerror}): name a folder we can write to"
            raise StartError("--data-dir", str(self.path), remedy) from error

    def _mode(self) -> int:
        """For the owner; a group that may read the file may do so afterwards."""
        try:
            return 0o600 | (self.path.stat().st_mode & 0o040)
        except FileNotFoundError:
            return 0o600

    def _document(self) -> Document | None:
        try:
            document = read_document(read_secret("--data-dir", self.path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            remedy = f"cannot be read ({error.strerror}): let the user who runs camrelay read it"
            raise StartError("--data-dir", str(self.path), remedy) from error
        except ValueError as error:
            raise self._damaged(str(error)) from None
        if document.keys and not document.signing:  # somebody else's set: the newest key signs
            document.signing = str(document.keys[-1].get("kid", ""))
        return document

    def _ring(self, document: Document) -> KeyRing:
        keys: list[Key] = []
        for number, members in enumerate(document.keys, start=1):
            key = read_key(members)
            if key is None or not key.kid:
                raise self._damaged(f"key {number} cannot be used")
            keys.append(key)
        try:
            ring = KeySet(keys)
        except ValueError as error:
            raise self._damaged(str(error)) from None
        signing = ring.keys.get(document.signing)
        if signing is None or signing.signing is None:
            raise self._damaged("no key in it can sign")
        return KeyRing(ring, signing)

    def _damaged(self, why: str) -> StartError:
        remedy = (
            f"is damaged ({why}): restore a copy, or delete it, and everybody has to sign in again"
        )
        return StartError("--data-dir", str(self.path), remedy)


def _begin(document: Document) -> None:
    if not document.keys:
        _append(document, HS256)


def _append(document: Document, algorithm: str) -> None:
    kid = f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"
    document.keys.append(new_key(kid, algorithm))
    document.signing = document.signing or kid


def _rotate(document: Document) -> None:
    newest = read_key(document.keys[-1]) if document.keys else None
    if newest is None or newest.signing is None or newest.kid == document.signing:
        _append(document, newest.algorithm if newest else HS256)
    document.signing = document.keys[-1]["kid"]


def _retire(document: Document, kid: str) -> None:
    kids = [members["kid"] for members in document.keys]
    if kid not in kids:
        known = f"the keys are: {', '.join(kids)}" if kids else "there are none yet"
        raise StartError("KID", kid, f"is not a key here; {known}")
    if kid == document.signing:
        raise StartError("KID", kid, "is the key that signs: run `camrelay key rotate` first")
    del document.keys[kids.index(kid)]
