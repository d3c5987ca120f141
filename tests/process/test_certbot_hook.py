"""What certbot calls when it has a new certificate: `deploy/certbot-hook.sh`."""

import grp
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.certificates import AUTHORITY, serial_in, serial_shown
from tests.support.server import clean_environment, start_relay

HOOK = Path(__file__).parents[2] / "deploy" / "certbot-hook.sh"
SECONDS = 20.0

# systemd is not at work where tests run; camrelay is told by its process id instead.
SYSTEMCTL = """#!/bin/sh
echo "$@" >> called
test -z "$RELAY_PID" || kill -HUP "$RELAY_PID"
"""


class Machine:
    """A machine with certbot, as far as the hook can tell."""

    def __init__(self, directory: Path) -> None:
        """No certificate was made yet."""
        self.directory = directory
        self.lineage = directory / "live" / "relay.example.org"
        self.archive = directory / "archive" / "relay.example.org"
        self.folder = directory / "camrelay" / "certificates"
        self.certificate = self.folder / "relay.example.org.pem"
        for made in (self.lineage, self.archive, self.folder.parent, directory / "bin"):
            made.mkdir(parents=True)
        systemctl = directory / "bin" / "systemctl"
        systemctl.write_text(SYSTEMCTL, "utf-8")
        systemctl.chmod(0o755)
        self._renewals = 0

    def renew(self) -> None:
        """New files, and links that lead to them, as certbot does it."""
        self._renewals += 1
        leaf = AUTHORITY.issue_cert("relay.example.org")
        contents = {
            "fullchain": b"".join(blob.bytes() for blob in leaf.cert_chain_pems),
            "privkey": leaf.private_key_pem.bytes(),
        }
        for name, content in contents.items():
            file = self.archive / f"{name}{self._renewals}.pem"
            file.write_bytes(content)
            file.chmod(0o600)
            link = self.lineage / f"{name}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(file)

    def run_hook(self, pid: int | None = None, **environment: str) -> subprocess.CompletedProcess:
        """Call the hook, as certbot does; `pid` is that of the camrelay that is to reload."""
        path = f"{self.directory / 'bin'}{os.pathsep}{os.environ['PATH']}"
        known = {
            "PATH": path,
            "CERTIFICATES": str(self.folder),
            "CERTIFICATES_GROUP": grp.getgrgid(os.getgid()).gr_name,
            "RENEWED_LINEAGE": str(self.lineage),
            "RENEWED_DOMAINS": "relay.example.org",
            "RELAY_PID": str(pid or ""),
        }
        return subprocess.run(
            [HOOK],
            env=clean_environment() | known | environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose first certificate was made."""
    machine = Machine(tmp_path)
    machine.renew()
    return machine


def test_the_script_is_good_shell() -> None:
    """For any POSIX shell, as the first line promises."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    checked = subprocess.run([shellcheck, HOOK], capture_output=True, text=True, timeout=SECONDS)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_camrelay_shows_what_certbot_has_made(machine: Machine) -> None:
    """The first certificate, and after a renewal the next one, without a restart."""
    assert machine.run_hook().returncode == 0
    options = ("--tls", "--certificate-dir", str(machine.folder))
    with start_relay(machine.directory, *options) as server:
        first = serial_in(machine.certificate)
        assert serial_shown(server.port, "relay.example.org") == first
        machine.renew()
        start = len(server.log)
        assert machine.run_hook(server.pid).returncode == 0
        server.wait_for_log("certificates read again: 1 in use", start=start)
        assert serial_in(machine.certificate) != first
        assert serial_shown(server.port, "relay.example.org") == serial_in(machine.certificate)


def test_the_key_is_for_camrelay_only(machine: Machine) -> None:
    """Owner and group; nothing else is left in the folder."""
    machine.run_hook()
    assert stat.S_IMODE(machine.certificate.stat().st_mode) == 0o640
    assert stat.S_IMODE(machine.folder.stat().st_mode) == 0o750
    assert list(machine.folder.iterdir()) == [machine.certificate]


def test_camrelay_is_told_and_not_restarted(machine: Machine) -> None:
    """Connections stay; a camrelay that does not run is not started."""
    machine.run_hook()
    called = (machine.directory / "called").read_text("utf-8")
    assert called == "try-reload-or-restart camrelay.service\n"


def test_what_was_there_stays_when_something_is_missing(machine: Machine) -> None:
    """certbot reports the failure, and camrelay goes on with what it has."""
    machine.run_hook()
    before = machine.certificate.read_bytes()
    (machine.lineage / "privkey.pem").unlink()
    assert machine.run_hook().returncode != 0
    assert machine.certificate.read_bytes() == before
    assert list(machine.folder.iterdir()) == [machine.certificate]


def test_without_certbot_it_says_what_it_needs(machine: Machine) -> None:
    """For whoever calls it by hand."""
    called = machine.run_hook(RENEWED_LINEAGE="")
    assert called.returncode != 0
    assert "by hand: /etc/letsencrypt/live/NAME" in called.stderr
