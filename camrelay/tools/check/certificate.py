"""Whether the certificate can be served, and for how long."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from camrelay.config import Settings, data_directory
from camrelay.core.errors import StartError
from camrelay.net.listen import Listener
from camrelay.service import own_certificate
from camrelay.tools.findings import Finding, not_startable, ok, problem, warning

SUBJECT = "certificate"
RENEW_WITHIN = timedelta(days=14)


def needs_development_certificate(settings: Settings, listeners: Sequence[Listener]) -> bool:
    """Whether the start would look for one in the data directory, and make it."""
    return settings.certificate is None and any(listener.secure for listener in listeners)


def look_at_certificate(settings: Settings, listeners: Sequence[Listener]) -> Finding | None:
    """The finding, None when there is nothing to look at."""
    if needs_development_certificate(settings, listeners):
        text = f"none is given: one for development is kept in {data_directory(settings)}"
        return ok(SUBJECT, text)
    if settings.certificate is None:
        return None
    if not any(listener.secure for listener in listeners):
        text = f"--certificate {settings.certificate} is given, but nothing serves TLS"
        return problem(SUBJECT, text, "add --tls, or --listen tls+tcp:8443")
    try:
        leaf = own_certificate(settings).leaf
    except StartError as error:
        return not_startable(SUBJECT, error)
    return expiry(settings.certificate, leaf.not_valid_after_utc, datetime.now(UTC))


def expiry(name: str, end: datetime, now: datetime) -> Finding:
    """The finding for a certificate that is good, at `now`, until `end`."""
    text = f"{name} and its key fit; good until {end:%Y-%m-%d}, {(end - now).days} days"
    if end - now < RENEW_WITHIN:
        return warning(SUBJECT, text, "renew it, and see why that did not happen by itself")
    return ok(SUBJECT, text)
