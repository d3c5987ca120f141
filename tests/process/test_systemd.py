"""Under systemd: what it is told, the socket it keeps, and what a unit forbids."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket

from tests.support.redis import RedisServer
from tests.support.server import Server, relay_command
from tests.support.systemd import DEPLOY, FakeSystemd, confined, settings_of, start_under
from tests.support.visitors import restart_among_visitors
from tests.support.workers import wait_for_workers

SECONDS = 20.0
UNITS = ("camrelay.service", "camrelay@.service")
MOST_EXPOSURE = 1.2
# A kind of somebody's own that hangs with its first message.
HANGING = """
from camrelay.core.kinds.chat import Chat as Original
class Chat(Original):
    def read(self, *message):
        print("here it hangs")
        while True:
            pass
"""
ROUTE = '[[routes]]\npath = "/own/{room}"\nkind = "own:Chat"\n'


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[FakeSystemd]:
    """A systemd that starts nothing yet."""
    with FakeSystemd(tmp_path) as fake:
        yield fake


def echo(server: Server, systemd: FakeSystemd, text: str = "hello") -> str:
    """What comes back over TLS."""
    client = websocket.create_connection(
        f"wss://localhost:{systemd.port.getsockname()[1]}/echo",
        timeout=SECONDS,
        sslopt={"ca_certs": str(server.authority)},
    )
    client.send(text)
    answer = client.recv()
    client.close()
    return str(answer)


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_ready_means_ready(tmp_path: Path, abstract: bool) -> None:
    """TLS is served on the inherited socket, and signals are obeyed instead of ending it."""
    with (
        FakeSystemd(tmp_path, abstract=abstract) as systemd,
        start_under(systemd, tmp_path) as server,
    ):
        systemd.wait_for("READY=1")
        server.send_signal(signal.SIGHUP)
        assert echo(server, systemd) == "hello"
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0


def test_sigterm_right_after_ready_is_obeyed(tmp_path: Path, systemd: FakeSystemd) -> None:
    """Nothing that readiness promises comes after it."""
    with start_under(systemd, tmp_path) as server:
        systemd.wait_for("READY=1")
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0


def test_the_drain_is_told_with_the_time_it_takes(tmp_path: Path, systemd: FakeSystemd) -> None:
    """A drain longer than TimeoutStopSec= would be cut short by SIGKILL."""
    with start_under(systemd, tmp_path, "--drain-time", "600") as server:
        systemd.wait_for("READY=1")
        server.send_signal(signal.SIGTERM)
        stopping = systemd.wait_for("STOPPING=1")
        assert int(stopping["EXTEND_TIMEOUT_USEC"]) > 600_000_000
        assert server.wait() == 0


def test_a_reload_is_told(tmp_path: Path, systemd: FakeSystemd) -> None:
    """When it began, and that it is over, as Type=notify-reload has it."""
    with start_under(systemd, tmp_path) as server:
        systemd.wait_for("READY=1")
        server.send_signal(signal.SIGHUP)
        reloading = systemd.wait_for("RELOADING=1")
        assert reloading["MONOTONIC_USEC"].isdecimal()
        systemd.wait_for("READY=1")


def test_the_status_is_for_people(tmp_path: Path, systemd: FakeSystemd) -> None:
    """`systemctl status` shows it."""
    with start_under(systemd, tmp_path):
        systemd.wait_for("STATUS=ready, 0 connections")


def test_a_blocked_reactor_stops_feeding_the_watchdog(tmp_path: Path, systemd: FakeSystemd) -> None:
    """And systemd's SIGABRT makes it say where it hangs."""
    (tmp_path / "own.py").write_text(HANGING, "utf-8")
    (tmp_path / "camrelay.toml").write_text(ROUTE, "utf-8")
    with start_under(systemd, tmp_path, WATCHDOG_USEC="200000") as server:
        for _ in range(3):
            systemd.wait_for("WATCHDOG=1")
        client = websocket.create_connection(
            f"wss://localhost:{systemd.port.getsockname()[1]}/own/hall",
            timeout=SECONDS,
            sslopt={"ca_certs": str(server.authority)},
        )
        client.send('{"message": "hello"}')
        server.wait_for_log("here it hangs")
        systemd.forget()
        assert systemd.receive(timeout=1.0) is None
        server.send_signal(signal.SIGABRT)
        assert server.wait() == -signal.SIGABRT
        assert re.search(r'own\.py", line \d+ in read', server.log)
        client.shutdown()


def test_workers_are_waited_for_and_know_nothing_of_systemd(
    tmp_path: Path, systemd: FakeSystemd
) -> None:
    """READY comes when all serve; a worker that spoke to systemd would be taken for the service."""
    with RedisServer(tmp_path) as redis:
        options = ("--workers", "2", "--redis", redis.url)
        with start_under(systemd, tmp_path, *options, WATCHDOG_USEC="30000000") as server:
            systemd.wait_for("READY=1")
            for pid in wait_for_workers(server, 2):
                environment = Path(f"/proc/{pid}/environ").read_bytes()
                assert not re.search(rb"NOTIFY_SOCKET|WATCHDOG_|LISTEN_", environment)
            assert echo(server, systemd) == "hello"
            server.send_signal(signal.SIGTERM)
            systemd.wait_for("STOPPING=1")
            assert server.wait() == 0


def test_the_socket_outlives_a_restart(tmp_path: Path, systemd: FakeSystemd) -> None:
    """A client that comes while nobody serves waits, and is served by the next process."""
    with start_under(systemd, tmp_path) as server:
        authority = server.authority
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
    with socket.create_connection(systemd.port.getsockname(), SECONDS) as waiting:
        trust = ssl.create_default_context(cafile=str(authority))
        with start_under(systemd, tmp_path):
            trust.wrap_socket(waiting, server_hostname="localhost").close()


def test_a_restart_refuses_nobody(tmp_path: Path, systemd: FakeSystemd) -> None:
    """Whoever comes while it restarts is served, or told when to come back."""
    visitors = restart_among_visitors(systemd, tmp_path, a_second=20, restarts=2)
    assert set(visitors.outcomes) <= {"told", "told later"}, visitors.outcomes
    assert visitors.outcomes["told"] > 20


@pytest.mark.faults
def test_restarts_under_load_refuse_nobody(tmp_path: Path, systemd: FakeSystemd) -> None:
    """A hundred visitors a second, five restarts."""
    visitors = restart_among_visitors(systemd, tmp_path, a_second=100, restarts=5)
    assert set(visitors.outcomes) <= {"told", "told later"}, visitors.outcomes


# what a unit forbids


@pytest.mark.parametrize("unit", UNITS)
def test_tls_starts_under_the_restrictions(tmp_path: Path, systemd: FakeSystemd, unit: str) -> None:
    """System calls, address families, privileges and read-only directories as in the unit."""
    needs_systemd_analyze()
    needs_user_namespaces()
    state = tmp_path / "state"
    (tmp_path / "work").mkdir()
    state.mkdir()
    options = ("--listen", systemd.endpoint)
    command = systemd.command(confined(unit, state, relay_command(state, *options)))
    environment = systemd.environment | {"RUNTIME_DIRECTORY": str(state)}
    with Server(command, tmp_path / "work", systemd.inherited, **environment) as server:
        systemd.wait_for("READY=1")
        assert echo(server, systemd) == "hello"
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert re.search(r"NoNewPrivs:\s1\n", status)
        assert re.search(r"Seccomp:\s2\n", status)
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("unit", UNITS)
def test_memory_may_be_written_and_executed(unit: str) -> None:
    """Under MemoryDenyWriteExecute= no TLS context can be made: OpenSSL calls into Python."""
    assert "MemoryDenyWriteExecute" not in settings_of(unit)


def test_both_units_forbid_the_same() -> None:
    """One is a copy of the other with names and paths of an instance."""
    of_one_instance = {
        *("Description", "Requires", "After", "WorkingDirectory"),
        *("StateDirectory", "RuntimeDirectory"),
    }
    one, many = (
        {name: said for name, said in settings_of(unit).items() if name not in of_one_instance}
        for unit in UNITS
    )
    assert one == many


@pytest.mark.parametrize("unit", [*UNITS, "camrelay-worker.service"])
def test_the_exposure_is_small(unit: str) -> None:
    """As systemd counts it, of 10."""
    needs_systemd_analyze()
    threshold = f"--threshold={MOST_EXPOSURE * 10:.0f}"
    ran = analyze("security", "--offline=true", threshold, str(DEPLOY / unit))
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("name", ["camrelay", "camrelay@8443", "camrelay-worker"])
def test_systemd_understands_the_units(tmp_path: Path, name: str) -> None:
    """No unknown setting, no wrong value, every unit that is named is there."""
    needs_systemd_analyze()
    source = re.sub("@.*", "@", name)
    for file in DEPLOY.glob(f"{source}.s[eo]*"):  # service, and socket if it has one
        unit = file.read_text("utf-8")
        unit = unit.replace("/opt/camrelay/bin/", f"{Path(sys.executable).parent}/")
        (tmp_path / f"{name}{file.suffix}").write_text(unit, "utf-8")
    ran = analyze("verify", *map(str, tmp_path.iterdir()))
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def needs_systemd_analyze() -> None:
    """Skip where it is not installed."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze to test with: apt-get install systemd")


def needs_user_namespaces() -> None:
    """Skip where an ordinary user may not have mounts of his own."""
    if subprocess.run(["unshare", "--user", "--mount", "true"]).returncode:
        pytest.skip("no user namespaces here: sysctl kernel.unprivileged_userns_clone=1")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says."""
    environment = {**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, env=environment
    )
