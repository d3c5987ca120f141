"""Whether clients believe the certificate, and for how long."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from camrelay.tools.doctor.facts import Agreement, CertificateFacts
from camrelay.tools.findings import Finding, ok, problem, warning

SUBJECT = "certificate"
RENEW_WITHIN = timedelta(days=14)
# Apple refuses a server certificate that lives longer, whoever signed it.
LONGEST_LIFE = timedelta(days=825)
_DATE_ERRORS = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_UNKNOWN_ISSUER = (20, 21)  # ..._UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ..._TO_VERIFY_LEAF_SIGNATURE
_DEVELOPMENT = "camrelay development CA"


def judge_certificate(
    chain: Sequence[CertificateFacts], careful: Agreement, name_fits: bool, now: datetime
) -> Iterator[Finding]:
    """`careful` is the handshake of a client that verifies; `name_fits` the host it asked for."""
    leaf = chain[0]
    yield _judge_trust(chain, careful, now)
    yield _judge_name(leaf, name_fits)
    yield _judge_dates(leaf, now)
    if not leaf.key.startswith(("ECDSA P-", "RSA")):
        remedy = "get one with an ECDSA P-256 key: browsers and phones know no such key"
        yield problem(SUBJECT, f"its key is {leaf.key}", remedy)
    if leaf.signed_with in ("sha1", "md5"):
        text = f"it is signed with {leaf.signed_with}"
        yield problem(SUBJECT, text, "get one signed with SHA-256")
    if leaf.end - leaf.begin > LONGEST_LIFE:
        text = f"it lives for {(leaf.end - leaf.begin).days} days"
        yield warning(SUBJECT, text, "make one for at most 825 days: iPhones refuse this one")


def _judge_trust(chain: Sequence[CertificateFacts], careful: Agreement, now: datetime) -> Finding:
    leaf = chain[0]
    if not careful.error:
        return ok(SUBJECT, f"its chain of {len(chain)} ends at an authority that is trusted here")
    if any(_DEVELOPMENT in each.issuer for each in chain):
        remedy = "trust its CA on every device (docs/tls.md), and name its file with --authority"
        return problem(SUBJECT, "it is a development certificate of camrelay", remedy)
    if careful.distrust in _DATE_ERRORS and not leaf.begin <= now < leaf.end:
        return ok(SUBJECT, f"it is issued by {leaf.issuer}; see its dates")
    if leaf.signs_itself:
        remedy = "use one of a public authority, or of a CA that every device is told to trust"
        return problem(SUBJECT, "it is self-signed", remedy)
    if careful.distrust in _UNKNOWN_ISSUER and len(chain) == 1:
        remedy = (
            "let the server send its intermediates too (fullchain.pem): browsers may have them, "
            "Unity and Android do not"
        )
        text = f"its issuer ({leaf.issuer}) is neither known here nor sent"
        return problem(SUBJECT, text, remedy)
    text = f"it is not trusted by this machine ({careful.error})"
    remedy = "use one of a public authority, or tell every device to trust its CA (docs/tls.md)"
    return problem(SUBJECT, text, remedy)


def _judge_name(leaf: CertificateFacts, fits: bool) -> Finding:
    shown = ", ".join(leaf.names[:8]) + (" ..." if len(leaf.names) > 8 else "")
    if fits:
        return ok(SUBJECT, f"it is for {shown}")
    if not leaf.names:
        remedy = "get one with subjectAltName: clients look at nothing else"
        return problem(SUBJECT, "it names no host", remedy)
    remedy = "connect by one of these names, or get a certificate for this one"
    return problem(SUBJECT, f"it is not for this host, but for {shown}", remedy)


def _judge_dates(leaf: CertificateFacts, now: datetime) -> Finding:
    left = leaf.end - now
    if left <= timedelta(0):
        text = f"it expired on {leaf.end:%Y-%m-%d}"
        return problem(SUBJECT, text, "renew it, and reload the server")
    if now < leaf.begin:
        remedy = "check the clocks of this machine and of the one that made it"
        return problem(SUBJECT, f"it is not valid before {leaf.begin:%Y-%m-%d %H:%M} UTC", remedy)
    text = f"it is good until {leaf.end:%Y-%m-%d}, {left.days} days"
    if left < RENEW_WITHIN:
        return warning(SUBJECT, text, "renew it, and find out why it was not renewed automatically")
    return ok(SUBJECT, text)
