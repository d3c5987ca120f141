"""The keys of other issuers whose tokens are accepted: JWK Sets in files and at URLs.

Only the operator names them. Where a token says that its key could be found (`jku`, `x5u`, `jwk`,
RFC 7515 section 4.1) is not read: whoever forges a token would say so.
"""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from camrelay.core.errors import StartError
from camrelay.files import read_secret
from camrelay.identity.fetch import explain, fetch
from camrelay.identity.jwk import MAX_SIZE, Key, KeySet, read_keys
from camrelay.identity.watched import WatchedFile
from camrelay.ports import KeyJournal

OPTION = "--jwks"

# Seconds between two fetches: usually, and when tokens name a key that is not known.
REFRESH = 300.0
PATIENCE = 10.0


class OthersKeys(MultiService):
    """All sets together. If two sets have a key of the same name, the first counts."""

    def __init__(
        self, places: Sequence[str], reactor: Any, now: Callable[[], float], journal: KeyJournal
    ) -> None:
        """`places`: files, and URLs that begin with https://. Raises StartError.

        `now`: seconds of a clock that does not run backwards.
        """
        super().__init__()
        self._sets: list[KeysInFile | KeysAtUrl] = []
        for place in places:
            if place.startswith("https://"):
                at_url = KeysAtUrl(place, reactor, journal)
                at_url.setServiceParent(self)
                self._sets.append(at_url)
            elif "://" in place:
                remedy = "is not safe: anybody on the network could change the keys; use https://"
                raise StartError(OPTION, place, remedy)
            else:
                self._sets.append(KeysInFile(Path(place), now, journal))

    def find(self, kid: str) -> Key | None:
        """The key for tokens that name `kid`, or none."""
        found = (keys.find(kid) for keys in self._sets)
        return next((key for key in found if key is not None), None)

    def believed(self) -> Mapping[str, Key]:
        """All of them, by their names."""
        return ChainMap(*(dict(keys.believed()) for keys in self._sets))


class KeysInFile:
    """A JWK Set in a file, which is read again when it changes."""

    def __init__(self, path: Path, now: Callable[[], float], journal: KeyJournal) -> None:
        """Raises StartError when it cannot be read."""
        self._path = path.absolute()  # the working directory of a daemon may change
        self._watched = WatchedFile(self._path, now)
        self._watched.look()
        self._journal = journal
        self._set = self._read()

    def find(self, kid: str) -> Key | None:
        """The key of that name."""
        self._refresh()
        return self._set.find(kid)

    def believed(self) -> Mapping[str, Key]:
        """All of them, by their names."""
        self._refresh()
        return self._set.believed()

    def _refresh(self) -> None:
        if not self._watched.has_changed():
            return
        try:
            self._set = self._read()
        except StartError as error:
            self._journal.keys_not_read(str(self._path), str(error))
        else:
            self._journal.keys_read(str(self._path), list(self._set.keys))

    def _read(self) -> KeySet:
        """Public keys are for everybody to read; a secret is not."""
        try:
            keys = read_keys(self._path.read_bytes())
            if any(key.signing for key in keys):
                keys = read_keys(read_secret(OPTION, self._path))
            return KeySet(keys)
        except OSError as error:
            remedy = f"cannot be read ({error.strerror}): give a file with a JWK Set"
            raise StartError(OPTION, str(self._path), remedy) from error
        except ValueError as error:
            raise StartError(OPTION, str(self._path), f"cannot be used: {error}") from None


class KeysAtUrl(Service):
    """A JWK Set at a URL: fetched at the start, every five minutes, and when a key is missing."""

    def __init__(self, url: str, reactor: Any, journal: KeyJournal, roots: Any = None) -> None:
        """`roots`: the certificate authorities to trust, the system's when None.

        Raises StartError for what is no URL.
        """
        self._url = _checked(url)
        self._place = url.partition("?")[0]  # the rest may be a secret
        self._reactor = reactor
        self._journal = journal
        self._roots = roots
        self._set = KeySet()
        self._fetching: Deferred[None] | None = None
        self._fetched_at = reactor.seconds() - PATIENCE
        self._often = LoopingCall(self._fetch)
        self._often.clock = reactor

    def startService(self) -> None:
        """Begin to fetch."""
        super().startService()
        self._often.start(REFRESH)

    def stopService(self) -> None:
        """Fetch no more."""
        super().stopService()
        self._often.stop()
        if self._fetching is not None:
            self._fetching.cancel()

    def find(self, kid: str) -> Key | None:
        """The key of that name; an unknown one is fetched for the next attempt."""
        key = self._set.find(kid)
        if key is None and self.running and self._reactor.seconds() >= self._fetched_at + PATIENCE:
            self._fetch()
        return key

    def believed(self) -> Mapping[str, Key]:
        """All that were there when it was last read."""
        return self._set.believed()

    def _fetch(self) -> None:
        if self._fetching is None:
            self._fetched_at = self._reactor.seconds()
            fetching = fetch(self._reactor, self._url, MAX_SIZE, self._roots)
            self._fetching = fetching.addCallback(self._take).addErrback(self._complain)
            self._fetching.addBoth(self._done)

    def _take(self, content: bytes) -> None:
        fetched = KeySet(read_keys(content, secrets_too=False))
        if fetched.keys.keys() != self._set.keys.keys():
            self._journal.keys_read(self._place, list(fetched.keys))
        self._set = fetched

    def _complain(self, failure: Failure) -> None:
        if self.running:
            self._journal.keys_not_read(self._place, explain(failure))

    def _done(self, _: object) -> None:
        self._fetching = None


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0 and not parts.username and url.isascii():
            return url
    except ValueError:
        pass
    raise StartError(OPTION, url, "is not a URL: use https://HOST/PATH")
