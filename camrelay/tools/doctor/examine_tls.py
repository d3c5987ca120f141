"""The part of the examination that is about TLS."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

from camrelay.tools.doctor.certificate import read_certificate
from camrelay.tools.doctor.chain import chain_of
from camrelay.tools.doctor.clients import CLIENTS, OLD_VERSIONS
from camrelay.tools.doctor.facts import Answer
from camrelay.tools.doctor.handshakes import (
    believing_context,
    context_of,
    context_of_old,
    naming_context,
)
from camrelay.tools.doctor.rules.certificate import judge_certificate
from camrelay.tools.doctor.rules.tls import judge_agreements, judge_client_certificate, judge_no_tls
from camrelay.tools.doctor.target import Target
from camrelay.tools.doctor.visits import Visits
from camrelay.tools.findings import Finding

_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def offers_tls(visits: Visits, target: Target) -> bool:
    """Whether anybody can make a handshake."""
    return not visits.agree(believing_context(), target.host).error


def examine_tls(visits: Visits, target: Target, careful: ssl.SSLContext) -> Iterator[Finding]:
    """One finding if there is no TLS at all; else what clients make of it, `careful` ones too."""
    anybody = visits.agree(believing_context(), target.host)
    if anybody.error:
        plain = target.with_other_security()
        speaks_http = isinstance(visits.page(plain), Answer)
        yield judge_no_tls(anybody, speaks_http, plain.url)
        return
    served = chain_of(visits.dial(), target.host)
    if served.chain:
        named = visits.agree(naming_context(served.chain[0]), target.host)
        yield from judge_certificate(
            [read_certificate(each) for each in served.chain],
            visits.agree(careful, target.host),
            named.distrust not in _WRONG_NAME,
            datetime.now(UTC),
        )
    if served.wants:
        yield judge_client_certificate(served.wants, visits.identity is not None)
    agreements = {each.name: visits.agree(context_of(each), target.host) for each in CLIENTS}
    old = [
        version
        for version in OLD_VERSIONS
        if not visits.agree(context_of_old(version), target.host).error
    ]
    yield from judge_agreements(agreements, old)
