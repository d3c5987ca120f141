"""The certificates of a server: from their files to the clients, again and again.

Whatever cannot be used is refused with a line that says what to do, and counted; what was there
before stays in use. No connection that lives notices anything.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from OpenSSL import SSL

from camrelay.core.errors import StartError
from camrelay.net.certificate_files import DIRECTORY_OPTION, PairFiles, pairs_in
from camrelay.net.client_certificates import ClientAuthorities, read_authorities
from camrelay.net.server_names import names_in
from camrelay.net.tls import CurrentCertificates, ServerCertificate, load_certificate
from camrelay.net.watched import Watched
from camrelay.ports import CertificateJournal

# Days before the end of a certificate at which the log says so; 0 when it is over.
WARNINGS = (0, 1, 3, 7, 14)

_DAY = timedelta(days=1)


class CertificateSources(NamedTuple):
    """Where certificates come from: one pair, a directory of them, or both, the pair first.

    `authorities` signs the certificates of clients; with None they are not asked for any. With
    `is_required` a client without one is refused.
    """

    pair: PairFiles | None = None
    directory: Path | None = None
    passphrase_file: Path | None = None
    authorities: Path | None = None
    is_required: bool = True

    def pairs(self) -> list[PairFiles]:
        """All that are there now. Raises StartError when the directory has none."""
        first = [] if self.pair is None else [self.pair]
        if self.directory is None:
            return first
        return first + pairs_in(self.directory, self.passphrase_file)

    def client_authorities(self) -> ClientAuthorities | None:
        """Who is believed about clients. Raises StartError when that cannot be read."""
        if self.authorities is None:
            return None
        return read_authorities(self.authorities, self.is_required)


class Certificates:
    """What clients are shown, and for how long it is good.

    `refused` counts how often something could not be used, `renewed` how often a certificate took
    the place of another one.
    """

    def __init__(
        self,
        sources: CertificateSources,
        journal: CertificateJournal,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is read before `load`. `now`: the time that certificates are judged by."""
        self.current = CurrentCertificates()
        self.refused = 0
        self.renewed = 0
        self._journal = journal
        self._now = now
        directory = [] if sources.directory is None else [sources.directory]
        self._listing = Watched(directory, sources.pairs)
        authorities = [] if sources.authorities is None else [sources.authorities]
        self._authorities = Watched(authorities, sources.client_authorities)
        self._pairs: dict[Path, Watched[ServerCertificate]] = {}
        self._shown: dict[Path, ServerCertificate] = {}
        self._warned: dict[tuple[Path, datetime], int] = {}

    # Reading

    def load(self) -> None:
        """Read everything for the first time.

        Raises StartError when a file that was named cannot be used, or nothing in the directory
        can. One of several in the directory is only refused: the others have clients, too.
        """
        self._listing.read()
        self._authorities.read()
        self._list_pairs()
        wrong = [error for each in self._pairs.values() if (error := _failure(each))]
        for error in wrong:
            if error.option != DIRECTORY_OPTION or len(wrong) == len(self._pairs):
                raise error
            self._refuse(error)
        self._show()
        self._warn()

    def reload(self) -> None:
        """Read everything again, now, and complain of whatever cannot be used."""
        refused = self.refused
        self._read_all()
        self._journal.certificates_read(len(self._shown), self.refused - refused)

    def look(self) -> None:
        """Read what has changed. To be called every few seconds."""
        if self._attempt(self._listing.look):
            self._list_pairs()
        if self._attempt(self._authorities.look):
            self._read_pairs()
        for each in self._pairs.values():
            self._attempt(each.look)
        self._show()

    def check(self) -> None:
        """Try again what was refused, and warn of what ends soon. To be called every hour.

        Time alone may cure what was refused: a certificate that was not valid yet.
        """
        everything: list[Watched[Any]] = [self._listing, self._authorities, *self._pairs.values()]
        if any(each.is_refused for each in everything):
            self._read_all()
        self._warn()

    def _read_all(self) -> None:
        self._attempt(self._listing.read)
        self._attempt(self._authorities.read)
        self._list_pairs()
        self._read_pairs()
        self._show()

    def _list_pairs(self) -> None:
        """Follow the listing; a pair that now has its key elsewhere keeps what it has."""
        before, self._pairs = self._pairs, {}
        for files in self._listing.value or []:
            watched = Watched(files.all, partial(self._load, files))
            known = before.get(files.certificate, watched)
            watched.value = known.value
            self._pairs[files.certificate] = known if known.files == watched.files else watched

    def _read_pairs(self) -> None:
        for each in self._pairs.values():
            self._attempt(each.read)

    def _load(self, files: PairFiles) -> ServerCertificate:
        return load_certificate(files, prepare=self._prepare, now=self._now())

    def _prepare(self, context: SSL.Context) -> None:
        context.set_tlsext_servername_callback(self.current.choose)
        if self._authorities.value is not None:
            self._authorities.value.ask_through(context)

    def _attempt(self, read: Callable[[], bool | None]) -> bool:
        try:
            return bool(read())
        except StartError as error:
            self._refuse(error)
            return False

    def _refuse(self, error: StartError) -> None:
        self.refused += 1
        self._journal.certificate_refused(str(error))

    # Showing

    def _show(self) -> None:
        usable = {path: each.value for path, each in self._pairs.items() if each.value is not None}
        if usable == self._shown or not usable:
            return
        before, self._shown = self._shown, usable
        self.current.show(list(usable.values()))
        for path, certificate in usable.items():
            known = before.get(path)
            if known is None or known.leaf != certificate.leaf:
                self.renewed += known is not None
                end = certificate.leaf.not_valid_after_utc
                self._journal.certificate_shown(str(path), names_in(certificate.leaf), end)

    # Ends

    def seconds_left(self) -> dict[str, float]:
        """For each file in use, how long its certificate is good; less than 0 when it is not."""
        now = self._now()
        return {str(path): (end - now).total_seconds() for path, end in self._ends()}

    def _ends(self) -> Iterator[tuple[Path, datetime]]:
        for path, certificate in self._shown.items():
            yield path, certificate.leaf.not_valid_after_utc
        if self._authorities.value is not None:
            yield self._authorities.files[0], self._authorities.value.end

    def _warn(self) -> None:
        for path, end in self._ends():
            left = ceil((end - self._now()) / _DAY)
            step = next((days for days in WARNINGS if left <= days), None)
            if step is not None and step < self._warned.get((path, end), WARNINGS[-1] + 1):
                self._warned[path, end] = step
                self._journal.certificate_ends(str(path), left, end)


def _failure(watched: Watched[ServerCertificate]) -> StartError | None:
    try:
        watched.read()
    except StartError as error:
        return error
    return None
