"""The part of the examination that is about TLS."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

from camrelay.tools.doctor.certificate import read_certificate
from camrelay.tools.doctor.chain import chain_of
from camrelay.tools.doctor.clients import CLIENTS, OLD_VERSIONS
from camrelay.tools.doctor.facts import Agreement, Answer
from camrelay.tools.doctor.handshakes import (
    agree,
    believing_context,
    context_of,
    context_of_old,
    naming_context,
)
from camrelay.tools.doctor.rules.certificate import judge_certificate
from camrelay.tools.doctor.rules.tls import judge_agreements, judge_no_tls
from camrelay.tools.doctor.target import Target
from camrelay.tools.doctor.visits import Visits
from camrelay.tools.findings import Finding

_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def offers_tls(visits: Visits, target: Target) -> bool:
    """Whether anybody can make a handshake."""
    return not _agree(visits, target, believing_context()).error


def examine_tls(visits: Visits, target: Target, careful: ssl.SSLContext) -> Iterator[Finding]:
    """One finding if there is no TLS at all; else what clients make of it, `careful` ones too."""
    anybody = _agree(visits, target, believing_context())
    if anybody.error:
        plain = target.with_other_security()
        speaks_http = isinstance(visits.page(plain), Answer)
        yield judge_no_tls(anybody, speaks_http, plain.url)
        return
    chain = chain_of(visits.dial(), target.host)
    if chain:
        named = _agree(visits, target, naming_context(chain[0]))
        yield from judge_certificate(
            [read_certificate(each) for each in chain],
            _agree(visits, target, careful),
            named.distrust not in _WRONG_NAME,
            datetime.now(UTC),
        )
    agreements = {each.name: _agree(visits, target, context_of(each)) for each in CLIENTS}
    old = [
        version
        for version in OLD_VERSIONS
        if not _agree(visits, target, context_of_old(version)).error
    ]
    yield from judge_agreements(agreements, old)


def _agree(visits: Visits, target: Target, context: ssl.SSLContext) -> Agreement:
    try:
        dialed = visits.dial()
    except OSError as error:
        return Agreement(error=error.strerror or str(error))
    return agree(dialed, context, target.host)
