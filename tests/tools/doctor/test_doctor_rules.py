"""What the facts mean, without a network."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from camrelay.tools.doctor.facts import (
    Agreement,
    Answer,
    CertificateFacts,
    Dialed,
    Idle,
    NoAnswer,
    Pings,
)
from camrelay.tools.doctor.rules.certificate import judge_certificate
from camrelay.tools.doctor.rules.handshake import judge_handshake
from camrelay.tools.doctor.rules.liveness import judge_clock, judge_idle, judge_pings
from camrelay.tools.doctor.rules.network import judge_dialed, judge_lookup
from camrelay.tools.doctor.rules.tls import (
    judge_agreements,
    judge_client_certificate,
    judge_no_tls,
)
from camrelay.tools.doctor.rules.variants import (
    judge_compression,
    judge_foreign_origin,
    judge_own_origin,
    judge_slash,
)
from camrelay.tools.findings import Finding, Level, worst

URL = "wss://relay.example/ws/camera"
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = Answer(
    "HTTP/1.1",
    101,
    (("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", ACCEPT)),
    size=129,
)
REFUSED = Answer("HTTP/1.1", 403)
NOTHING = NoAnswer(silent=True)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
LEAF = CertificateFacts(
    subject="CN=relay.example",
    issuer="CN=Some CA",
    names=("relay.example",),
    begin=NOW - timedelta(days=10),
    end=NOW + timedelta(days=80),
    key="ECDSA P-256",
    signed_with="sha256",
)
ROOT = replace(LEAF, subject="CN=Some CA")
AGREED = Agreement("TLSv1.3", "TLS_AES_128_GCM_SHA256")


def with_header(name: str, value: str) -> Answer:
    """The good answer with one header that is different."""
    kept = tuple(pair for pair in GOOD.headers if pair[0] != name)
    return replace(GOOD, headers=(*kept, (name, value)))


def is_ok(finding: Finding) -> bool:
    """Whether all is well; everything else must say what to do."""
    assert finding.level is Level.OK or finding.remedy
    return finding.level is Level.OK


# DNS and TCP


def test_a_name_that_is_not_found_is_a_problem() -> None:
    """Nothing else can be looked at."""
    assert judge_lookup("relay.example", [], "unknown").level is Level.PROBLEM


def test_a_name_with_ipv6_addresses_only_is_a_warning() -> None:
    """Whoever writes the address itself knows what he does."""
    assert judge_lookup("relay.example", ["2001:db8::1"]).level is Level.WARNING
    assert is_ok(judge_lookup("relay.example", ["2001:db8::1", "192.0.2.1"]))
    assert is_ok(judge_lookup("2001:db8::1", ["2001:db8::1"]))


def test_a_dead_address_among_living_ones_is_a_warning() -> None:
    """Clients that try one address only may take that one."""
    alive, dead = Dialed("192.0.2.1:443", 1.0), Dialed("[2001:db8::1]:443", error="no answer")
    assert [each.level for each in judge_dialed([dead, alive])] == [Level.WARNING, Level.OK]
    assert [each.level for each in judge_dialed([dead])] == [Level.PROBLEM]


def test_a_refused_connection_has_another_cause_than_a_lost_one() -> None:
    """The first comes from the machine, the second from what is before it."""
    (refused,) = judge_dialed([Dialed("192.0.2.1:443", error="Connection refused")])
    (lost,) = judge_dialed([Dialed("192.0.2.1:443", error="no answer")])
    assert "start the server" in refused.remedy
    assert "firewall" in lost.remedy


# TLS


def test_every_client_that_agrees_is_told() -> None:
    """With version and cipher."""
    found = list(judge_agreements({"Unity": AGREED}, []))
    assert all(map(is_ok, found))
    assert found[0].text == "Unity: TLSv1.3, TLS_AES_128_GCM_SHA256"


def test_a_client_that_does_not_agree_is_a_problem() -> None:
    """One is enough."""
    found = judge_agreements({"Unity": Agreement(error="no protocols"), "browsers": AGREED}, [])
    assert [each.level for each in found] == [Level.PROBLEM, Level.OK, Level.OK]


@pytest.mark.parametrize(
    ("old", "says"),
    [(["TLSv1"], "TLSv1 is accepted"), (["TLSv1", "TLSv1.1"], "TLSv1 and TLSv1.1 are accepted")],
)
def test_old_versions_are_a_warning(old: list[str], says: str) -> None:
    """They are named."""
    (found,) = judge_agreements({}, old)
    assert found.level is Level.WARNING
    assert found.text == says


def test_no_tls_is_told_apart_from_bad_tls() -> None:
    """The first is cured by another URL."""
    plain = judge_no_tls(Agreement(error="WRONG_VERSION_NUMBER"), True, "ws://relay.example/x")
    assert "connect to ws://relay.example/x" in plain.remedy
    other = judge_no_tls(Agreement(error="no answer"), False, "ws://relay.example/x")
    assert "no answer" in other.text


def test_a_client_certificate_that_is_asked_for() -> None:
    """Without one the rest of the examination says little."""
    assert is_ok(judge_client_certificate(["CN=Clients"], True))
    missing = judge_client_certificate(["CN=Clients"], False)
    assert missing.level is Level.WARNING
    assert "CN=Clients" in missing.text


# certificates


def found_in(
    chain: list[CertificateFacts], careful: Agreement = AGREED, name_fits: bool = True
) -> list[Finding]:
    """What is not well with a chain."""
    return [each for each in judge_certificate(chain, careful, name_fits, NOW) if not is_ok(each)]


def test_a_good_certificate_has_no_fault() -> None:
    """And says for whom and how long it is."""
    assert found_in([LEAF, ROOT]) == []
    texts = [each.text for each in judge_certificate([LEAF, ROOT], AGREED, True, NOW)]
    assert "it is for relay.example" in texts
    assert "it is good until 2027-02-08, 80 days" in texts


@pytest.mark.parametrize(
    ("leaf", "level", "says"),
    [
        (replace(LEAF, end=NOW), Level.PROBLEM, "it expired on 2026-11-20"),
        (replace(LEAF, end=NOW + timedelta(days=13)), Level.WARNING, "2026-12-03, 13 days"),
        (replace(LEAF, begin=NOW + timedelta(days=1)), Level.PROBLEM, "not valid before"),
        (replace(LEAF, key="Ed25519"), Level.PROBLEM, "its key is Ed25519"),
        (replace(LEAF, signed_with="sha1"), Level.PROBLEM, "signed with sha1"),
        (replace(LEAF, end=NOW + timedelta(days=816)), Level.WARNING, "lives for 826 days"),
    ],
)
def test_a_fault_of_the_certificate_itself(leaf: CertificateFacts, level: Level, says: str) -> None:
    """Each is one finding, whatever else is well."""
    (found,) = found_in([leaf, ROOT])
    assert found.level is level
    assert says in found.text


def test_a_wrong_name_is_told_with_the_right_ones() -> None:
    """A certificate without names fits no host at all."""
    (wrong,) = found_in([LEAF], name_fits=False)
    assert wrong.text == "it is not for this host, but for relay.example"
    (nameless,) = found_in([replace(LEAF, names=())], name_fits=False)
    assert "subjectAltName" in nameless.remedy


@pytest.mark.parametrize(
    ("chain", "distrust", "says"),
    [
        ([LEAF], 20, "fullchain.pem"),
        ([LEAF, ROOT], 20, "tell every device to trust its CA"),
        ([LEAF, ROOT], 19, "tell every device to trust its CA"),
        ([replace(LEAF, issuer=LEAF.subject)], 18, "use one of a public authority"),
        ([replace(LEAF, issuer="CN=camrelay development CA (pc)")], 20, "trust its CA on every"),
        ([LEAF, ROOT], 10, "tell every device to trust its CA"),
    ],
)
def test_a_chain_that_is_not_trusted(
    chain: list[CertificateFacts], distrust: int, says: str
) -> None:
    """The remedy depends on what is missing."""
    (found,) = found_in(chain, Agreement(error="refused", distrust=distrust))
    assert found.level is Level.PROBLEM
    assert says in found.remedy


def test_an_expired_leaf_is_not_told_twice() -> None:
    """A client that verifies stumbles over the same date."""
    expired = replace(LEAF, end=NOW - timedelta(days=1))
    assert len(found_in([expired, ROOT], Agreement(error="expired", distrust=10))) == 1


# handshakes


def test_a_good_handshake_is_told_once() -> None:
    """One line."""
    (found,) = judge_handshake(GOOD, ACCEPT, URL)
    assert is_ok(found)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (replace(GOOD, version="HTTP/1.0"), "WebSocketSharp needs HTTP/1.1"),
        (replace(GOOD, size=8193), "8193 bytes"),
        (with_header("upgrade", "h2c"), "'h2c', not websocket"),
        (with_header("connection", "keep-alive, Upgrade"), "OkHttp and .NET"),
        (with_header("sec-websocket-accept", "other"), "does not belong to our key"),
        (with_header("sec-websocket-version", "8"), "'8'"),
        (with_header("sec-websocket-protocol", "v1"), "(Sec-WebSocket-Protocol)"),
        (with_header("sec-websocket-extensions", "x"), "(Sec-WebSocket-Extensions)"),
    ],
)
def test_what_one_client_does_not_take_is_a_problem(answer: Answer, says: str) -> None:
    """Although others might."""
    (found,) = judge_handshake(answer, ACCEPT, URL)
    assert found.level is Level.PROBLEM
    assert says in f"{found.text}: {found.remedy}"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (replace(GOOD, status=301, headers=(("location", "/x"),)), "sends clients to /x"),
        (Answer("HTTP/1.1", 404, text="no room"), "answers 404 (no room)"),
        (Answer("HTTP/1.1", 200), "nginx"),
        (Answer("HTTP/1.1", 401), "?token="),
        (Answer("HTTP/1.1", 403), "its log says why"),
        (Answer("HTTP/1.1", 429), "--connections-per-address"),
        (Answer("HTTP/1.1", 502), "behind the proxy"),
        (NoAnswer(silent=True), "does not answer"),
        (NoAnswer(silent=False), "without an answer"),
        (NoAnswer(silent=False, received=b"SSH-2.0"), "SSH-2.0"),
    ],
)
def test_what_opens_nothing_is_a_problem(answer: Answer | NoAnswer, says: str) -> None:
    """With a remedy of its own."""
    (found,) = judge_handshake(answer, ACCEPT, URL)
    assert found.level is Level.PROBLEM
    assert says in f"{found.text}: {found.remedy}"


# variants


def test_both_spellings_of_a_path() -> None:
    """A redirect is worse than none: it looks as if it worked, in browsers that show pages."""
    assert is_ok(judge_slash("/x/", GOOD))
    assert judge_slash("/x/", REFUSED).level is Level.WARNING
    assert judge_slash("/x/", replace(REFUSED, status=308)).level is Level.PROBLEM
    assert judge_slash("/x/", NOTHING).level is Level.WARNING


def test_origins() -> None:
    """The own pages must come in; those of others had better not."""
    assert is_ok(judge_own_origin("https://relay.example", GOOD))
    assert judge_own_origin("https://relay.example", REFUSED).level is Level.PROBLEM
    assert is_ok(judge_foreign_origin("https://other.example", REFUSED))
    assert judge_foreign_origin("https://other.example", GOOD).level is Level.WARNING


@pytest.mark.parametrize(
    ("chosen", "level"),
    [
        ("permessage-deflate; server_no_context_takeover; server_max_window_bits=15", Level.OK),
        ("permessage-deflate; client_max_window_bits=15", Level.PROBLEM),
        ("x-webkit-deflate-frame", Level.PROBLEM),
    ],
)
def test_compression_as_okhttp_takes_it(chosen: str, level: Level) -> None:
    """It hangs up on whatever it does not know."""
    assert judge_compression(with_header("sec-websocket-extensions", chosen)).level is level


def test_an_offer_of_compression_may_be_ignored_but_not_refused() -> None:
    """Browsers cannot leave it out."""
    assert is_ok(judge_compression(GOOD))
    assert judge_compression(REFUSED).level is Level.PROBLEM
    assert judge_compression(NOTHING).level is Level.PROBLEM


# liveness


def test_round_trips() -> None:
    """One that is slow is not yet a slow line; a pong that does not come is a broken one."""
    assert is_ok(judge_pings(Pings((1.0, 2.0, 900.0))))
    assert judge_pings(Pings((200.0, 300.0, 1.0))).level is Level.WARNING
    assert judge_pings(Pings((1.0,), error="no answer")).level is Level.PROBLEM


def test_idle_connections() -> None:
    """Without pings of the server a proxy may cut them, sooner or later."""
    assert is_ok(judge_idle(Idle(75.0, pings=3)))
    assert is_ok(judge_idle(Idle(5.0)))
    assert judge_idle(Idle(75.0)).level is Level.WARNING
    assert judge_idle(Idle(60.0, ended="closed")).level is Level.PROBLEM


@pytest.mark.parametrize(
    ("date", "level", "says"),
    [
        ("Fri, 20 Nov 2026 00:00:30 GMT", Level.OK, "agrees"),
        ("Fri, 20 Nov 2026 00:00:31 GMT", Level.WARNING, "31 s ahead"),
        ("Thu, 19 Nov 2026 23:00:00 GMT", Level.WARNING, "3600 s behind"),
        ("yesterday", Level.OK, "sends no Date"),
    ],
)
def test_clocks(date: str, level: Level, says: str) -> None:
    """Half a minute is what a slow answer may explain."""
    found = judge_clock(Answer("HTTP/1.1", 200, (("date", date),)), NOW)
    assert found.level is level
    assert says in found.text


def test_the_worst_counts() -> None:
    """For the exit code."""
    assert worst([]) is Level.OK
    levels = [judge_slash("/", GOOD), judge_slash("/", REFUSED)]
    assert worst(levels) is Level.WARNING
