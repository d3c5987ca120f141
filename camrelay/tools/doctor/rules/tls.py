"""Which clients agree with the server on a version of TLS and a cipher."""

from collections.abc import Iterator, Mapping, Sequence

from camrelay.tools.doctor.facts import Agreement
from camrelay.tools.findings import Finding, ok, problem, warning

SUBJECT = "tls"
_INTERMEDIATE = (
    "let the server offer TLS 1.2 and 1.3 with ECDHE and AES-GCM, also on P-256 "
    "(Mozilla's intermediate guideline, which camrelay follows)"
)
# WebSocketSharp from NuGet is of 2016, and offers TLS 1.0 unless it is told otherwise.
_OLD_WEBSOCKETSHARP = "WebSocketSharp from NuGet needs EnabledSslProtocols = SslProtocols.Tls12"


def judge_no_tls(agreement: Agreement, speaks_http: bool, plain_url: str) -> Finding:
    """No client agreed with the server on anything."""
    if speaks_http:
        remedy = f"connect to {plain_url}, or start the server with --tls"
        return problem(SUBJECT, "the port speaks plain HTTP, not TLS", remedy)
    text = f"there is no TLS handshake ({agreement.error})"
    return problem(SUBJECT, text, "check that a server with TLS listens on this port")


def judge_agreements(agreements: Mapping[str, Agreement], old: Sequence[str]) -> Iterator[Finding]:
    """What each client agreed on, by its name; `old`: versions before 1.2 that are accepted."""
    for client, agreement in agreements.items():
        if agreement.error:
            text = f"{client} cannot connect ({agreement.error})"
            yield problem(SUBJECT, text, _INTERMEDIATE)
        else:
            yield ok(SUBJECT, f"{client}: {agreement.version}, {agreement.cipher}")
    if old:
        text = f"{' and '.join(old)} are accepted" if len(old) > 1 else f"{old[0]} is accepted"
        yield warning(SUBJECT, text, f"switch it off; {_OLD_WEBSOCKETSHARP}")
    else:
        yield ok(SUBJECT, f"nothing older than TLS 1.2 is accepted; {_OLD_WEBSOCKETSHARP}")


def judge_client_certificate(wants: Sequence[str], is_given: bool) -> Finding:
    """A server that asks its clients for a certificate of the authorities that it `wants`."""
    text = f"the server asks clients for a certificate of {' or '.join(wants)}"
    if is_given:
        return ok(SUBJECT, f"{text}, and gets one")
    return warning(SUBJECT, text, "test with one: --certificate and --private-key")
