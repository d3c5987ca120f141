"""Certificates change while the server runs, and no connection notices."""

import json
import os
import pty
import shlex
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
import websocket

from tests.support.certificates import AUTHORITY, issue, serial_in, serial_shown, write
from tests.support.redis import RedisServer
from tests.support.renewals import Renewals, renew_under
from tests.support.server import Server, clean_environment, relay_command, start_relay
from tests.support.workers import READY, start_workers

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
READ_AGAIN = "certificates read again: "


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A certificate for localhost, with its key."""
    return issue(tmp_path / "relay.pem", "localhost")


@pytest.fixture
def server(tmp_path: Path, file: Path) -> Iterator[Server]:
    """A relay that shows it."""
    with start_relay(tmp_path, "--tls", "--certificate", str(file)) as server:
        yield server


def reload(server: Server) -> str:
    """Send SIGHUP; the line that says what came of it."""
    start = len(server.log)
    server.send_signal(signal.SIGHUP)
    return server.wait_for_log(f"{READ_AGAIN}.*", start=start)[0]


def member(server: Server, file: Path) -> websocket.WebSocket:
    """Somebody in a chat room."""
    trust = file.with_name("authority.pem")
    AUTHORITY.cert_pem.write_to_path(str(trust))
    return websocket.create_connection(
        f"wss://localhost:{server.port}/ws/chat/hall", timeout=10, sslopt={"ca_certs": str(trust)}
    )


def test_sighup_brings_the_new_certificate(server: Server, file: Path) -> None:
    """The next connection gets it, and one that lives goes on with what it has."""
    with closing(member(server, file)) as client:
        issue(file, "localhost")
        assert reload(server).endswith("1 in use")
        assert serial_shown(server.port) == serial_in(file)
        client.send(json.dumps({"message": "still here"}))
        assert json.loads(client.recv()) == {"message": "still here"}


def test_a_file_that_changes_is_noticed(server: Server, file: Path) -> None:
    """Nobody has to say anything."""
    start = len(server.log)
    issue(file, "localhost", "relay.example.org")
    server.wait_for_log(
        rf"certificate {file} for localhost, relay\.example\.org until \d+-\d\d-\d\d", start=start
    )
    assert serial_shown(server.port) == serial_in(file)


def test_certificate_and_key_may_change_one_after_the_other(tmp_path: Path) -> None:
    """As long as they do not fit, the old pair stays; nothing is refused if they soon do."""
    old, new = (AUTHORITY.issue_cert("localhost") for _ in range(2))
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    write(certificate, old.cert_chain_pems[0].bytes())
    write(key, old.private_key_pem.bytes())
    options = ("--tls", "--certificate", str(certificate), "--private-key", str(key))
    with start_relay(tmp_path, *options) as server:
        before, start = serial_in(certificate), len(server.log)
        write(certificate, new.cert_chain_pems[0].bytes())
        assert serial_shown(server.port) == before
        write(key, new.private_key_pem.bytes())
        server.wait_for_log(f"certificate {certificate} for localhost", start=start)
        assert serial_shown(server.port) == serial_in(certificate)
        assert "refused" not in server.log


REFUSED = {
    "expired": (
        {"not_before": NOW - 9 * DAY, "not_after": NOW - DAY},
        r"expired on .*: renew it",
    ),
    "not yet valid": (
        {"not_before": NOW + DAY, "not_after": NOW + 9 * DAY},
        r"is not valid before .*: check the clock of this machine",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_certificate_that_clients_would_refuse_is_refused(
    server: Server, file: Path, case: str
) -> None:
    """The log says what to do, and the old one is shown on."""
    dates, remedy = REFUSED[case]
    before, start = serial_in(file), len(server.log)
    issue(file, "localhost", **dates)
    assert reload(server).endswith("1 in use, 1 refused")
    server.wait_for_log(
        rf"refused, and what was there before stays in use: --certificate: '{file}' {remedy}",
        start=start,
    )
    assert serial_shown(server.port) == before


def test_a_file_that_is_gone_is_refused_in_the_end(server: Server, file: Path) -> None:
    """It may be about to come back, so a few looks go by first; then one line says so."""
    before, start = serial_in(file), len(server.log)
    file.unlink()
    server.wait_for_log(
        rf"refused, and what was there before stays in use: --certificate: '{file}'",
        timeout=30,
        start=start,
    )
    assert serial_shown(server.port) == before
    issue(file, "localhost")
    server.wait_for_log(f"certificate {file} for", start=start)
    assert serial_shown(server.port) == serial_in(file)
    assert server.log.count("stays in use") == 1


def test_the_key_of_another_certificate_is_refused(server: Server, file: Path) -> None:
    """OpenSSL would only notice when the first client comes."""
    before = serial_in(file)
    one, other = (AUTHORITY.issue_cert("localhost") for _ in range(2))
    write(file, one.cert_chain_pems[0].bytes() + other.private_key_pem.bytes())
    assert reload(server).endswith("1 refused")
    assert serial_shown(server.port) == before


def test_a_server_without_tls_survives_sighup(relay: Server) -> None:
    """There is nothing to read again; the signal would end another program."""
    relay.send_signal(signal.SIGHUP)
    relay.send_signal(signal.SIGHUP)
    with closing(websocket.create_connection(f"ws://localhost:{relay.port}/echo")) as client:
        client.send("alive")
        assert client.recv() == "alive"


def test_workers_read_again_what_the_supervisor_is_told_to(tmp_path: Path, file: Path) -> None:
    """One SIGHUP, to the process that was started, renews the certificate of all of them."""
    with (
        RedisServer(tmp_path) as redis,
        start_workers(tmp_path, redis, "--tls", "--certificate", str(file)) as server,
    ):
        issue(file, "localhost")
        start = len(server.log)
        server.send_signal(signal.SIGHUP)
        for number in (1, 2):
            server.wait_for_log(rf"\[worker {number} camrelay#info\] {READ_AGAIN}1", start=start)
        assert {serial_shown(server.port) for _ in range(20)} == {serial_in(file)}


def test_workers_that_start_outlive_sighup(tmp_path: Path, file: Path) -> None:
    """It comes when they cannot hear it yet, and ends none of them."""
    options = ("--workers", "2", "--tls", "--certificate", str(file))
    with (
        RedisServer(tmp_path) as redis,
        start_relay(tmp_path, *options, "--redis", redis.url) as server,
    ):
        server.wait_for_log(r"worker 2 starts as")
        server.send_signal(signal.SIGHUP)
        start = server.wait_for_log(READY).end()
        server.wait_for_log(READY, start=start)
        assert "another takes its place" not in server.log


def test_the_development_certificate_is_renewed_while_the_server_runs(tmp_path: Path) -> None:
    """A leaf that ends soon, or does not say the machine's names, is made anew."""
    with start_relay(tmp_path, "--tls") as server:
        file = tmp_path / "data" / "camrelay_development.crt"
        before = serial_in(file)
        write(file, trustme.CA().cert_pem.bytes())
        assert reload(server).endswith("1 in use")
        assert serial_in(file) != before
        assert serial_shown(server.port) == serial_in(file)


def start_in_terminal(tmp_path: Path, *command: str) -> tuple[int, int]:
    """Run a command in a terminal of its own; its process id and the terminal."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(tmp_path)
        os.execvpe(command[0], command, clean_environment())
    return process, terminal


def test_a_server_in_a_terminal_ends_with_it(tmp_path: Path) -> None:
    """Whoever closes the window of a program expects it to be gone."""
    process, terminal = start_in_terminal(tmp_path, *relay_command(tmp_path))
    output = b""
    while b"open http://localhost" not in output:
        output += os.read(terminal, 65536)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_server_under_nohup_outlives_its_terminal(tmp_path: Path, file: Path) -> None:
    """It was started to do so; the end of the terminal is a SIGHUP like others."""
    log = tmp_path / "nohup.log"
    log.touch()
    command = relay_command(tmp_path, "--tls", "--certificate", str(file))
    nohup = ("sh", "-c", f"exec nohup {shlex.join(command)} > {log}")
    process, terminal = start_in_terminal(tmp_path, *nohup)
    try:
        with Server(["tail", "-F", "-n", "+1", str(log)], tmp_path) as server:
            os.close(terminal)
            server.wait_for_log(f"{READ_AGAIN}1 in use")
            assert serial_shown(server.port) == serial_in(file)
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)


def test_a_certificate_that_ends_soon_is_announced(tmp_path: Path) -> None:
    """At the start, and then again when it gets serious."""
    file = issue(tmp_path / "relay.pem", "localhost", not_after=NOW + 6 * DAY)
    with start_relay(tmp_path, "--tls", "--certificate", str(file)) as server:
        server.wait_for_log(rf"certificate {file} ends in 6 days, on \d+-\d\d-\d\d: renew it")


def test_nobody_notices_a_renewal(server: Server, file: Path) -> None:
    """While people talk; tests/faults has the large number."""
    assert renew_under(server, file, 10, 10) == Renewals(10, 10, 100, 10)
