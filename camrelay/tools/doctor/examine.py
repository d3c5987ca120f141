"""The examination, from the name of the server to the frames: each step needs the one before."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from camrelay.tools.doctor.examine_tls import examine_tls, offers_tls
from camrelay.tools.doctor.exchange import Exchange
from camrelay.tools.doctor.facts import Answer, NoAnswer
from camrelay.tools.doctor.handshakes import careful_context, own_identity
from camrelay.tools.doctor.look_up import SocketAddress, look_up, try_to_dial
from camrelay.tools.doctor.requests import DEFLATE_OFFER
from camrelay.tools.doctor.rules.handshake import judge_handshake, judge_hidden_tls
from camrelay.tools.doctor.rules.liveness import judge_clock, judge_idle, judge_pings
from camrelay.tools.doctor.rules.network import judge_dialed, judge_lookup
from camrelay.tools.doctor.rules.variants import (
    judge_compression,
    judge_foreign_origin,
    judge_own_origin,
    judge_slash,
)
from camrelay.tools.doctor.target import Target
from camrelay.tools.doctor.visits import Visits
from camrelay.tools.findings import Finding, Level, worst

PINGS = 5
# RFC 2606: a name that nobody can have.
FOREIGN_ORIGIN = "https://somebody-else.invalid"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants beyond a URL.

    `timeout` and `idle` in seconds; 0 leaves the test of an idle connection out.
    """

    authority: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    origins: tuple[str, ...] = ()
    idle: float = 0.0
    timeout: float = 10.0


def examine(target: Target, wishes: Wishes) -> Iterator[Finding]:
    """All findings, each as soon as it is known. Raises StartError for files of no use."""
    careful = careful_context(wishes.authority)
    identity = own_identity(wishes.certificate, wishes.private_key)
    reached: list[SocketAddress] = []
    yield from _reach(target, wishes.timeout, reached)
    if not reached:
        return
    visits = Visits(reached[0], wishes.timeout, identity)
    if target.secure:
        encrypted = list(examine_tls(visits, target, careful))
        yield from encrypted
        if [finding.subject for finding in encrypted] == ["tls"]:
            return  # there is no TLS at all
    yield from _examine_socket(visits, target, wishes)


def _reach(target: Target, timeout: float, reached: list[SocketAddress]) -> Iterator[Finding]:
    """Look the host up and dial each address; those that answer are `reached`."""
    try:
        addresses = look_up(target.host, target.port)
    except OSError as error:
        yield judge_lookup(target.host, [], error.strerror or str(error))
        return
    yield judge_lookup(target.host, [str(address[0]) for address in addresses])
    dialed = [try_to_dial(address, timeout) for address in addresses]
    pairs = zip(addresses, dialed, strict=True)
    reached += [address for address, each in pairs if not each.error]
    yield from judge_dialed(dialed)


def _examine_socket(visits: Visits, target: Target, wishes: Wishes) -> Iterator[Finding]:
    try:
        exchange, answer, accept = visits.upgrade(target)
    except OSError:
        answer = NoAnswer(silent=False)
        yield from judge_handshake(answer, "", target.url)
        return
    with exchange:
        answer = _with_text(exchange, answer)
        if not target.secure and _hides_tls(visits, target, answer):
            yield judge_hidden_tls(target.with_other_security().url)
            return
        opened = list(judge_handshake(answer, accept, target.url))
        yield from opened
        if worst(opened) is Level.OK:
            yield from _examine_variants(visits, target, wishes)
            yield judge_pings(exchange.ping(PINGS))
            if wishes.idle:
                yield judge_idle(exchange.idle(wishes.idle))
    yield judge_clock(visits.page(target), datetime.now(UTC))


def _with_text(exchange: Exchange, answer: Answer | NoAnswer) -> Answer | NoAnswer:
    """The answer with what it says to people, if it is a refusal."""
    if isinstance(answer, NoAnswer) or answer.status == 101:
        return answer
    return replace(answer, text=exchange.rest())


def _hides_tls(visits: Visits, target: Target, answer: Answer | NoAnswer) -> bool:
    """Whether a server that gave no answer to plain HTTP would have one to TLS."""
    return isinstance(answer, NoAnswer) and not answer.silent and offers_tls(visits, target)


def _examine_variants(visits: Visits, target: Target, wishes: Wishes) -> Iterator[Finding]:
    """What else clients say in a handshake."""
    other = target.with_other_slash()
    yield judge_slash(other.shown_path, visits.try_upgrade(other))
    for origin in dict.fromkeys((target.origin, *wishes.origins)):
        yield judge_own_origin(origin, visits.try_upgrade(target, origin))
    foreign = visits.try_upgrade(target, FOREIGN_ORIGIN)
    yield judge_foreign_origin(FOREIGN_ORIGIN, foreign)
    yield judge_compression(visits.try_upgrade(target, extensions=DEFLATE_OFFER))
