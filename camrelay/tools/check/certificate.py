"""Whether the certificates can be served, and for how long."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from camrelay.config import Settings, data_directory
from camrelay.core.errors import StartError
from camrelay.net.certificate_files import PairFiles
from camrelay.net.listen import Listener
from camrelay.net.tls import load_certificate
from camrelay.tools.findings import Finding, not_startable, ok, warning
from camrelay.wiring.certificates import certificate_sources, check_together, check_unused

SUBJECT = "certificate"
RENEW_WITHIN = timedelta(days=14)


def needs_development_certificate(settings: Settings, listeners: Sequence[Listener]) -> bool:
    """Whether the start would look for one in the data directory, and make it."""
    is_named = settings.certificate is not None or settings.certificate_dir is not None
    return not is_named and any(listener.secure for listener in listeners)


def look_at_certificates(settings: Settings, listeners: Sequence[Listener]) -> Iterator[Finding]:
    """The findings; none when there is nothing to look at."""
    try:
        if not any(listener.secure for listener in listeners):
            check_unused(settings)
            return
        check_together(settings)
        sources = certificate_sources(settings)
        if needs_development_certificate(settings, listeners):
            text = f"none is given: one for development is kept in {data_directory(settings)}"
            yield ok(SUBJECT, text)
        pairs = sources.pairs()
        sources.client_authorities()
    except StartError as error:
        yield not_startable(SUBJECT, error)
        return
    yield from map(_look_at, pairs)


def _look_at(pair: PairFiles) -> Finding:
    try:
        leaf = load_certificate(pair).leaf
    except StartError as error:
        return not_startable(SUBJECT, error)
    return expiry(str(pair.certificate), leaf.not_valid_after_utc, datetime.now(UTC))


def expiry(name: str, end: datetime, now: datetime) -> Finding:
    """The finding for a certificate that is good, at `now`, until `end`."""
    text = f"{name} and its key fit; good until {end:%Y-%m-%d}, {(end - now).days} days"
    if end - now < RENEW_WITHIN:
        return warning(SUBJECT, text, "renew it, and find out why it was not renewed automatically")
    return ok(SUBJECT, text)
