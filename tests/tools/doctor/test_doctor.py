"""`camrelay doctor` against real servers: a camrelay, and some that get something wrong."""

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

from camrelay.tools.doctor.target import Target
from tests.conftest import StartRelay
from tests.support.certificates import issue
from tests.support.redis import RedisServer, free_port
from tests.support.server import Server
from tests.support.strange_servers import (
    Behaviour,
    answer,
    be_silent,
    by_path,
    say,
    serve,
    upgrade,
)
from tests.tools.commands import call_camrelay, run_camrelay, url_of

AUTHORITY = trustme.CA()


class Examined(NamedTuple):
    """Exit code and findings of one run."""

    code: int
    findings: list[dict[str, str]]

    def of(self, subject: str) -> list[tuple[str, str]]:
        """(level, text and remedy) of each finding about a subject."""
        return [
            (each["level"], f"{each['text']}: {each['remedy']}")
            for each in self.findings
            if each["subject"] == subject
        ]

    def only(self, level: str) -> list[str]:
        """The text of each finding on a level."""
        return [each["text"] for each in self.findings if each["level"] == level]


Doctor = Callable[..., Examined]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Run it with --json: `doctor("ws://localhost:8080", "--idle", "1")`; AUTHORITY is trusted."""
    authority = tmp_path / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(authority)

    def run(url: str, *options: str | Path) -> Examined:
        trust = () if "--authority" in options else ("--authority", authority)
        ran = call_camrelay("doctor", url, "--json", *trust, *options)
        report: dict[str, Any] = json.loads(ran.stdout)
        assert report["url"] == Target.read(url).url
        assert ran.returncode == ["ok", "warning", "problem"].index(report["level"])
        return Examined(ran.returncode, report["findings"])

    return run


def tls(*names: str, issuer: trustme.CA = AUTHORITY, end: datetime | None = None) -> ssl.SSLContext:
    """The server side of TLS, with a certificate for `names`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*(names or ("localhost",)), not_after=end).configure_cert(context)
    return context


# a camrelay


def test_a_camrelay_is_well(relay: Server, doctor: Doctor) -> None:
    """Plain, with the room that every camrelay has."""
    examined = doctor(f"ws://localhost:{relay.port}")
    assert examined.code == 0
    assert {level for level, _ in examined.of("websocket")} == {"ok"}
    subjects = [each["subject"] for each in examined.findings]
    assert list(dict.fromkeys(subjects)) == (
        ["dns", "tcp", "websocket", "slash", "origin", "compression", "ping", "clock"]
    )


def test_a_camrelay_with_tls_is_well_for_who_trusts_it(
    relay_with: StartRelay, doctor: Doctor
) -> None:
    """Certificate, names, dates, and every client's TLS."""
    server = relay_with("--tls")
    examined = doctor(url_of(server, "ws/chat/räume/"), "--authority", server.authority)
    assert examined.code == 0
    clients = [text for _, text in examined.of("tls")]
    assert [text.partition(":")[0] for text in clients[:3]] == [
        "Unity",
        "Android 5 to 9",
        "Android 10, browsers",
    ]
    assert clients[0].startswith("Unity: TLSv1.2, ECDHE-")
    assert clients[2].startswith("Android 10, browsers: TLSv1.3, ")


def test_a_development_certificate_is_named(relay_with: StartRelay, doctor: Doctor) -> None:
    """Whoever does not trust it hears what to trust; everything else is examined all the same."""
    examined = doctor(url_of(relay_with("--tls"), "ws/camera"))
    assert examined.code == 2
    assert examined.only("problem") == ["it is a development certificate of camrelay"]
    assert examined.of("ping")[0][0] == "ok"


def test_an_idle_connection_gets_pings(relay_with: StartRelay, doctor: Doctor) -> None:
    """It lives on, and says how many came."""
    server = relay_with("--ping-interval", "0.1")
    examined = doctor(url_of(server, "echo"), "--idle", "1")
    ((level, text),) = examined.of("idle")
    assert level == "ok"
    assert "is still open after 1 s, with" in text
    assert "with 0 pings" not in text


def test_a_server_for_everybodys_pages_is_a_warning(relay_with: StartRelay, doctor: Doctor) -> None:
    """Exit code 1."""
    examined = doctor(url_of(relay_with("--allowed-origin", "*"), "echo"))
    assert examined.code == 1
    assert examined.only("warning") == [
        "pages of every origin (https://somebody-else.invalid) may connect"
    ]


def test_an_origin_is_asked_for(relay_with: StartRelay, doctor: Doctor) -> None:
    """One that is allowed, and one that is not."""
    server = relay_with("--allowed-origin", "https://app.example")
    origins = ("--origin", "https://app.example", "--origin", "https://new.example")
    examined = doctor(url_of(server, "echo"), *origins)
    assert examined.code == 2
    (text,) = examined.only("problem")
    assert text == "pages of https://new.example may not connect: it answers 403"


def test_compression_is_told(relay_with: StartRelay, doctor: Doctor) -> None:
    """When the server takes the offer."""
    examined = doctor(url_of(relay_with("--compression"), "echo"))
    assert examined.code == 0
    assert examined.of("compression")[0][1].startswith("on: permessage-deflate")


def test_a_path_without_a_room_is_told_with_the_words_of_the_server(
    relay: Server, doctor: Doctor
) -> None:
    """The text of the refusal, and where the paths are listed."""
    examined = doctor(url_of(relay, "a/b/c"))
    assert examined.code == 2
    ((_, text),) = examined.of("websocket")
    assert "answers 404 (no room at this path; the paths are: /ws/camera" in text
    assert "`camrelay check` lists all paths" in text


def test_a_token_is_sent_and_not_shown(doctor: Doctor) -> None:
    """Neither in the findings nor in the URL of the report, nor when a server repeats it."""
    requests = []

    def note(connection: Any, request: bytes) -> None:
        requests.append(request)
        answer(302, "Location: /login?token=s3cret")(connection, request)

    with serve(note) as port:
        examined = doctor(f"ws://localhost:{port}/room?token=s3cret")
    assert b"GET /room?token=s3cret HTTP/1.1" in b"".join(requests)
    assert "s3cret" not in json.dumps(examined.findings)


def test_redis_is_asked(relay: Server, redis_server: RedisServer, doctor: Doctor) -> None:
    """One that answers, and one that does not."""
    url = url_of(relay, "echo")
    assert doctor(url, "--redis", redis_server.url).of("redis")[0][0] == "ok"
    examined = doctor(url, "--redis", f"redis://127.0.0.1:{free_port()}")
    assert examined.code == 2
    assert examined.of("redis")[0][0] == "problem"


# servers that are no camrelay


def test_a_closed_port(doctor: Doctor) -> None:
    """Nothing is looked at after it."""
    examined = doctor(f"ws://localhost:{free_port()}")
    assert examined.code == 2
    assert examined.findings[-1]["subject"] == "tcp"
    assert "Connection refused" in examined.findings[-1]["text"]


def test_a_name_that_nobody_has(doctor: Doctor) -> None:
    """RFC 2606 reserves `invalid`."""
    examined = doctor("wss://relay.invalid")
    assert [each["subject"] for each in examined.findings] == ["dns"]
    assert examined.code == 2


def test_plain_http_where_tls_was_expected(relay: Server, doctor: Doctor) -> None:
    """The other URL is in the remedy."""
    examined = doctor(f"wss://localhost:{relay.port}/echo")
    assert examined.code == 2
    ((_, text),) = examined.of("tls")
    assert "the port speaks plain HTTP, not TLS" in text
    assert f"connect to ws://localhost:{relay.port}/echo" in text


def test_tls_where_plain_http_was_expected(relay_with: StartRelay, doctor: Doctor) -> None:
    """The other URL is in the remedy."""
    port = relay_with("--tls").port
    examined = doctor(f"ws://localhost:{port}/echo")
    assert examined.code == 2
    ((_, text),) = examined.of("websocket")
    assert f"the port speaks TLS: connect to wss://localhost:{port}/echo" in text


def test_no_tls_and_no_http(doctor: Doctor) -> None:
    """A server of another kind."""
    with serve(say(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as port:
        examined = doctor(f"wss://localhost:{port}/echo")
        assert "there is no TLS handshake" in examined.of("tls")[0][1]
        examined = doctor(f"ws://localhost:{port}/echo")
        assert "does not speak HTTP (b'SSH-2.0-OpenSSH" in examined.of("websocket")[0][1]


STRANGE: dict[str, tuple[Behaviour, str]] = {
    "a page for everything": (answer(200, body="<h1>Welcome</h1>"), "answers 200 (<h1>Welcome"),
    "a redirect": (answer(301, "Location: https://x.example/"), "clients to https://x.example/"),
    "a proxy without a server": (answer(502), "the server behind the proxy is running"),
    "nothing": (be_silent, "accepts the connection and does not answer"),
    "the end": (say(b""), "closes the connection without an answer"),
    "an extension": (upgrade("Sec-WebSocket-Extensions: x-frame"), "chose 'x-frame'"),
    "a list": (upgrade(connection="keep-alive, Upgrade"), "OkHttp and .NET"),
    "many headers": (upgrade(*[f"X-{n}: {'x' * 100}" for n in range(90)]), "accepts 8192: remove"),
    "a head without an end": (say(b"HTTP/1.1 101 x\r\n" + b"x: y\r\n" * 20000), "not speak HTTP"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_no_websocket_client_takes(name: str, doctor: Doctor) -> None:
    """One problem, with what was said and what to do."""
    behaviour, says = STRANGE[name]
    with serve(behaviour) as port:
        examined = doctor(f"ws://localhost:{port}/room", "--timeout", "0.5")
        assert examined.code == 2
        problems = [text for level, text in examined.of("websocket") + examined.of("redirect")]
        assert len(problems) == 1
        assert says in problems[0]


def test_a_redirect_of_the_other_spelling(doctor: Doctor) -> None:
    """Web frameworks like to do that."""
    spellings = {"room": upgrade(), "room/": answer(308, "Location: /room")}
    with serve(by_path(**spellings)) as port:
        examined = doctor(f"ws://localhost:{port}/room")
        ((level, text),) = examined.of("slash")
        assert level == "problem"
        assert "/room/ answers 308 to /room" in text


def test_a_server_that_answers_no_ping(doctor: Doctor) -> None:
    """It opens the socket and is not heard of again."""
    with serve(upgrade(then=be_silent)) as port:
        examined = doctor(f"ws://localhost:{port}/room", "--timeout", "0.5")
        assert examined.of("ping")[0][0] == "problem"


def test_a_connection_that_is_cut_while_idle(doctor: Doctor) -> None:
    """With the close code, when there is one."""
    pongs = upgrade(then=lambda connection, _request: answer_pings_and_close(connection))
    with serve(pongs) as port:
        examined = doctor(f"ws://localhost:{port}/room", "--idle", "5")
        ((level, text),) = examined.of("idle")
        assert level == "problem"
        assert "(closed with 1001 bored)" in text


def answer_pings_and_close(connection: Any, count: int = 5) -> None:
    """As many pongs as the doctor sends pings; a close frame is the next thing it gets."""
    for _ in range(count):
        header = connection.recv(2)
        mask = connection.recv(4)
        masked = connection.recv(header[1] & 0x7F)
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))
        connection.sendall(bytes([0x8A, len(payload)]) + payload)
    connection.sendall(b"\x88\x07\x03\xe9bored")
    connection.recv(100)


def test_a_clock_that_is_wrong(doctor: Doctor) -> None:
    """Told by the Date of a page."""
    page = answer(200, "Date: Thu, 01 Jan 2015 00:00:00 GMT")
    with serve(by_path(room=upgrade(then=be_silent), **{"": page})) as port:
        examined = doctor(f"ws://localhost:{port}/room", "--timeout", "0.5")
        ((level, text),) = examined.of("clock")
        assert level == "warning"
        assert "s behind: set both clocks by NTP" in text


# certificates and TLS


def test_an_expired_certificate(doctor: Doctor) -> None:
    """Its date is the only problem with it."""
    with serve(upgrade(), tls(end=datetime.now(UTC) - timedelta(days=2))) as port:
        examined = doctor(f"wss://localhost:{port}/room")
        problems = [text for level, text in examined.of("certificate") if level == "problem"]
        assert len(problems) == 1
        assert problems[0].startswith("it expired on")


@pytest.mark.parametrize(
    ("host", "names", "fits"),
    [
        ("localhost", ("relay.example",), False),
        ("localhost", ("127.0.0.1",), False),
        ("localhost", ("relay.example", "localhost"), True),
        ("127.0.0.1", ("localhost",), False),
        ("127.0.0.1", ("127.0.0.1",), True),
    ],
)
def test_the_names_of_a_certificate(
    doctor: Doctor, host: str, names: tuple[str, ...], fits: bool
) -> None:
    """Names and addresses are different things; the names it has are told."""
    with serve(upgrade(), tls(*names)) as port:
        examined = doctor(f"wss://{host}:{port}/room")
        problems = [text for level, text in examined.of("certificate") if level == "problem"]
        assert bool(problems) is not fits
        if problems:
            assert f"it is not for this host, but for {', '.join(names)}" in problems[0]


def test_all_that_is_wrong_with_a_certificate_is_told(doctor: Doctor) -> None:
    """Not only what OpenSSL stumbles over first."""
    end = datetime.now(UTC) - timedelta(days=2)
    with serve(upgrade(), tls("relay.example", issuer=trustme.CA(), end=end)) as port:
        examined = doctor(f"wss://localhost:{port}/room")
        problems = [text for level, text in examined.of("certificate") if level == "problem"]
        assert len(problems) == 3


def test_a_chain_without_its_intermediates(doctor: Doctor, tmp_path: Path) -> None:
    """`cert.pem` where `fullchain.pem` should be: Unity and Android cannot fill the gap."""
    leaf = AUTHORITY.create_child_ca().issue_cert("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with serve(upgrade(), context) as port:
        examined = doctor(f"wss://localhost:{port}/room")
        problems = [text for level, text in examined.of("certificate") if level == "problem"]
        assert len(problems) == 1
        assert "fullchain.pem" in problems[0]


def test_a_server_that_speaks_the_newest_tls_only(doctor: Doctor) -> None:
    """Unity and older Androids stay outside."""
    context = tls()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with serve(upgrade(), context) as port:
        examined = doctor(f"wss://localhost:{port}/room")
        problems = [text for level, text in examined.of("tls") if level == "problem"]
        assert [text.partition(" cannot")[0] for text in problems] == ["Unity", "Android 5 to 9"]


@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this Python speaks no TLS 1.1")
def test_a_server_that_speaks_old_tls_too(doctor: Doctor) -> None:
    """A warning that names the versions."""
    context = tls()
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with serve(upgrade(), context) as port:
        examined = doctor(f"wss://localhost:{port}/room")
        warnings = [text for level, text in examined.of("tls") if level == "warning"]
        assert len(warnings) == 1
        assert warnings[0].startswith("TLSv1 and TLSv1.1 are accepted: switch it off")


def test_a_server_that_wants_a_client_certificate(
    relay_with: StartRelay, doctor: Doctor, tmp_path: Path
) -> None:
    """It is told of whom, and everything goes well with one."""
    authority = tmp_path / "clients.pem"
    AUTHORITY.cert_pem.write_to_path(authority)
    life = {"not_before": datetime.now(UTC), "not_after": datetime.now(UTC) + timedelta(days=90)}
    pair = issue(tmp_path / "client.pem", "camera-1", authority=AUTHORITY)
    served = issue(tmp_path / "server.pem", "localhost", authority=AUTHORITY, **life)
    server = relay_with("--tls", "--certificate", str(served), "--client-ca", str(authority))
    url = url_of(server, "ws/camera")
    without = doctor(url)
    assert without.code == 2
    (wanted,) = without.only("warning")
    assert wanted.startswith("the server asks clients for a certificate of O=trustme")
    assert doctor(url, "--certificate", pair).code == 0


# the command itself


def test_findings_are_lines_for_people(relay: Server) -> None:
    """Level, subject, text; and a last line that sums up."""
    ran = run_camrelay("doctor", f"ws://localhost:{relay.port}/echo")
    assert ran.returncode == 0
    lines = ran.stdout.splitlines()
    assert lines[0].split()[:2] == ["ok", "dns"]
    assert lines[-1] == "all is well"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("relay.example",), "'relay.example' is not the address of a server"),
        (("wss://localhost", "--authority", "missing.pem"), "'missing.pem' is no file with PEM"),
        (("wss://localhost", "--certificate", "missing.pem"), "is no certificate with its key"),
        (("wss://localhost", "--timeout", "0"), "0 is not in the range"),
    ],
)
def test_what_cannot_be_examined_is_told(arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, one line."""
    ran = call_camrelay("doctor", *arguments)
    assert ran.returncode == 2
    assert says in ran.stderr
