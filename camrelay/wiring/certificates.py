"""Composition of TLS: from the settings to certificates that stay up to date."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from twisted.application.internet import TimerService
from twisted.application.service import MultiService
from twisted.internet.interfaces import IProtocolFactory

from camrelay.config import Settings, data_directory
from camrelay.core.errors import StartError
from camrelay.net.addresses import certificate_names
from camrelay.net.certificate_files import PairFiles
from camrelay.net.certificates import Certificates, CertificateSources
from camrelay.net.development_ca import development_certificate, leaf_in
from camrelay.net.listen import Listener
from camrelay.net.tls import tls_factory
from camrelay.ops.journal import LogJournal

# Seconds between two looks at the files, and between two looks at the calendar.
LOOK_SECONDS = 2.0
CHECK_SECONDS = 3600.0


def has_own_certificate(settings: Settings) -> bool:
    """The operator brings a certificate; otherwise it is the development CA's."""
    if settings.certificate is None:
        return settings.certificate_dir is not None
    return Path(settings.certificate).absolute() != leaf_in(data_directory(settings))


def with_certificate(settings: Settings, journal: LogJournal) -> Settings:
    """The settings with a certificate: the development CA's, which is announced, if none is.

    Raises StartError for settings that do not go together, too.
    """
    check_together(settings)
    if settings.certificate is not None or settings.certificate_dir is not None:
        return settings
    development = development_certificate(data_directory(settings), certificate_names())
    journal.authority(str(development.authority), development.fingerprint)
    return msgspec.structs.replace(
        settings,
        certificate=str(development.certificate),
        private_key=str(development.private_key),
    )


def check_together(settings: Settings) -> None:
    """Refuse settings of which one needs another that is not there."""
    if settings.certificate is None and settings.private_key is not None:
        remedy = "belongs to a certificate: name that with --certificate"
        raise StartError("--private-key", settings.private_key, remedy)
    if settings.client_ca is None and settings.client_certificate is not None:
        remedy = "needs an authority: add --client-ca FILE"
        raise StartError("--client-certificate", settings.client_certificate, remedy)


def certificate_sources(settings: Settings) -> CertificateSources:
    """The files that the settings name."""
    passphrase = _path(settings.private_key_passphrase_file)
    pair = None
    if settings.certificate is not None:
        certificate = Path(settings.certificate).absolute()
        pair = PairFiles(certificate, _path(settings.private_key), passphrase)
    return CertificateSources(
        pair,
        _path(settings.certificate_dir),
        passphrase,
        _path(settings.client_ca),
        settings.client_certificate != "optional",
    )


def check_unused(settings: Settings) -> None:
    """Refuse settings for TLS where nothing serves it: who names a certificate means it."""
    for name in ("certificate", "certificate_dir", "client_ca"):
        value = getattr(settings, name)
        if value is not None:
            option = "--" + name.replace("_", "-")
            remedy = "is given, but nothing serves TLS: add --tls, or --listen tls+tcp:8443"
            raise StartError(option, value, remedy)


class CertificateService(MultiService):
    """Keeps certificates up to date while the server runs.

    The files are read in the reactor's thread: a pair takes about a millisecond.
    """

    def __init__(self, certificates: Certificates, journal: LogJournal) -> None:
        """`certificates` were loaded already."""
        super().__init__()
        self.certificates = certificates
        self._renewal: DevelopmentRenewal | None = None
        self._journal = journal
        for every, step in (
            (LOOK_SECONDS, certificates.look),
            (CHECK_SECONDS, certificates.check),
        ):
            TimerService(every, self._guarded, step).setServiceParent(self)

    def around(self, factory: IProtocolFactory, reactor: Any) -> IProtocolFactory:
        """Serve `factory` with TLS."""
        return tls_factory(self.certificates.current, factory, reactor)

    def renew_with(self, renewal: "DevelopmentRenewal") -> None:
        """Let `renewal` make the files anew."""
        renewal.setServiceParent(self)
        self._renewal = renewal

    def reload(self) -> None:
        """Read all of them again, now."""
        if self._renewal is not None:
            self._renewal.renew()
        self._guarded(self.certificates.reload)

    def _guarded(self, step: Callable[[], None]) -> None:
        """A surprise in one certificate must not be the end of looking after all of them."""
        try:
            step()
        except Exception:
            self._journal.failed("the certificates")


class DevelopmentRenewal(TimerService):
    """Makes the development CA's certificate anew in time, and when the machine has moved."""

    def __init__(self, settings: Settings, journal: LogJournal) -> None:
        """The file changes; whoever shows it looks for that."""
        super().__init__(CHECK_SECONDS, self.renew)
        self._directory = data_directory(settings)
        self._journal = journal

    def renew(self) -> None:
        """Look now whether it has to be made."""
        try:
            development_certificate(self._directory, certificate_names())
        except StartError as error:
            self._journal.certificate_refused(str(error))


def make_certificates(
    settings: Settings, listeners: Sequence[Listener], journal: LogJournal
) -> CertificateService | None:
    """The certificates for `listeners`, read; None when none of them needs any.

    Raises StartError for whatever cannot be used, and for what nobody would see.
    """
    if not any(listener.secure for listener in listeners):
        check_unused(settings)
        return None
    secured = with_certificate(settings, journal)
    certificates = Certificates(certificate_sources(secured), journal)
    certificates.load()
    service = CertificateService(certificates, journal)
    if secured is not settings:
        service.renew_with(DevelopmentRenewal(settings, journal))
    return service


def _path(text: str | None) -> Path | None:
    """Absolute: twistd may go elsewhere once the service is made (--rundir)."""
    return None if text is None else Path(text).absolute()
