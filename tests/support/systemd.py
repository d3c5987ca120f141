"""systemd's part towards a service: listening sockets, messages, and what a unit forbids.

    with FakeSystemd(directory) as systemd, start_under(systemd, directory) as server:
        systemd.wait_for("READY=1")

The sockets are handed over as sd_listen_fds(3) has it, messages are taken as sd_notify(3) has it.
"""

import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.server import Server, relay_command

CONFINE = Path(__file__).with_name("confine.py")
DEPLOY = Path(__file__).parents[2] / "deploy"
SECONDS = 20.0

# What comes between systemd and the program: the sockets get their numbers, the process its name.
ACTIVATE = """
import os, sys
listening = [int(number) for number in sys.argv[1].split(",")]
for position, number in enumerate(listening):
    os.dup2(number, 100 + position)
for position in range(len(listening)):
    os.dup2(100 + position, 3 + position)
    os.close(100 + position)
os.environ.update(
    LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(listening)),
    LISTEN_FDNAMES=":".join(["https"] * len(listening)), WATCHDOG_PID=str(os.getpid()),
)
os.execv(sys.argv[2], sys.argv[2:])
"""


class FakeSystemd:
    """One service, seen from outside."""

    endpoint = "tls+systemd:domain=INET:name=https"

    def __init__(self, directory: Path, *, abstract: bool = False) -> None:
        """Listens for messages in `directory`, or under an abstract name."""
        self.address = f"@camrelay-{secrets.token_hex(8)}" if abstract else f"{directory}/notify"
        self._messages = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._messages.bind(self.address.replace("@", "\0", 1) if abstract else self.address)
        self.port = socket.create_server(("127.0.0.1", 0), backlog=4096)

    def __enter__(self) -> Self:
        """It listens already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nobody listens any more."""
        self._messages.close()
        self.port.close()

    @property
    def environment(self) -> dict[str, str]:
        """What the service finds in its environment."""
        return {"NOTIFY_SOCKET": self.address}

    @property
    def inherited(self) -> list[int]:
        """The descriptors to start the command with."""
        return [self.port.fileno()]

    def command(self, command: list[str]) -> list[str]:
        """`command`, as it has to be started."""
        return [sys.executable, "-c", ACTIVATE, str(self.port.fileno()), *command]

    def receive(self, timeout: float = SECONDS) -> dict[str, str] | None:
        """The next message, or None when none comes."""
        self._messages.settimeout(timeout)
        try:
            text = self._messages.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.split("\n"))

    def wait_for(self, field: str) -> dict[str, str]:
        """The first message with `field`, such as READY=1."""
        name, _, value = field.partition("=")
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            message = self.receive()
            if message and message.get(name) == value:
                return message
        raise AssertionError(f"no {field} in {SECONDS} s")

    def forget(self) -> None:
        """Drop what has come so far."""
        self._messages.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._messages.recv(4096)


@contextmanager
def start_under(
    systemd: FakeSystemd, directory: Path, *options: str, **environment: str
) -> Iterator[Server]:
    """A camrelay on the socket of systemd, with TLS."""
    command = systemd.command(relay_command(directory, "--listen", systemd.endpoint, *options))
    everything = systemd.environment | environment
    with Server(command, directory, systemd.inherited, **everything) as server:
        yield server


def settings_of(unit: str) -> dict[str, list[str]]:
    """The settings of a file in deploy/, by name; each may be said several times."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / unit).read_text("utf-8").splitlines():
        setting = re.fullmatch(r"([A-Za-z]+)=(.*)", line)
        if setting:
            found.setdefault(setting[1], []).append(setting[2])
    return found


def allowed_calls(unit: str) -> set[str]:
    """The system calls that SystemCallFilter= of a unit lets through."""
    allowed: set[str] = set()
    for line in settings_of(unit)["SystemCallFilter"]:
        calls = {call for name in line.lstrip("~").split() for call in _calls(name)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    # What systemd itself always allows.
    return allowed | _calls("@default") | {"execve", "exit", "exit_group"}


@cache
def _calls(name: str) -> frozenset[str]:
    """The system calls of a set of systemd, the sets in it included."""
    if not name.startswith("@"):
        return frozenset({name})
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True
    ).stdout
    names = [line.strip() for line in listed.splitlines()[1:]]
    names = [line for line in names if line and not line.startswith("#")]
    return frozenset(call for inner in names for call in _calls(inner))


def confined(unit: str, writable: Path, command: list[str]) -> list[str]:
    """`command` under the restrictions of `unit`; it can write to `writable` only."""
    (families,) = settings_of(unit)["RestrictAddressFamilies"]
    numbers = ",".join(str(int(getattr(socket, name))) for name in families.split())
    calls = ",".join(sorted(allowed_calls(unit)))
    return [sys.executable, str(CONFINE), calls, numbers, str(writable), *command]
