"""Start a real server as a process of its own, follow its log, and stop it.

    with start_relay(directory, "--tls") as server:
        server.port, server.secure, server.authority
        server.wait_for_log(r"slow consumer")

Nothing here sleeps: the log is read as it is written, and waiting is waiting for a line.
"""

import os
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.support.process import Process

SECONDS_TO_START = 20.0
OPEN_LINE = re.compile(r"open (?P<scheme>https?)://localhost:(?P<port>[0-9]+)/")
AUTHORITY_LINE = re.compile(r"authority (?P<file>/.*\.(?:pem|crt))\b")


class Server(Process):
    """One server process that prints `open http://localhost:PORT/` when it is up."""

    def __init__(
        self,
        command: list[str],
        directory: Path,
        inherited: Collection[int] = (),
        **environment: str,
    ) -> None:
        """Start `command` in `directory`; `environment` is added to a clean one."""
        super().__init__(command, directory, clean_environment() | environment, inherited)

    def __enter__(self) -> Self:
        """The process, once it takes connections."""
        try:
            self.wait_for_log(OPEN_LINE, SECONDS_TO_START)
        except BaseException:
            self.kill()
            raise
        return self

    @property
    def port(self) -> int:
        """The TCP port of the first listener."""
        return self.ports()[0][1]

    @property
    def secure(self) -> bool:
        """Whether the first listener speaks TLS."""
        return self.ports()[0][0] == "https"

    def ports(self) -> list[tuple[str, int]]:
        """(scheme, port) of every listener that the log names so far."""
        return [(scheme, int(port)) for scheme, port in OPEN_LINE.findall(self.log)]

    @property
    def authority(self) -> Path:
        """The certificate to trust: the development CA that the log names."""
        return Path(self.wait_for_log(AUTHORITY_LINE)["file"])


def clean_environment() -> dict[str, str]:
    """The environment of this process without anything that camrelay reads its settings from."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PORT", "REDIS_URL") and not name.startswith("CAMRELAY_")
    }
    return kept | {"PYTHONUNBUFFERED": "1"}


def relay_command(directory: Path, *options: str) -> list[str]:
    """The command line of camrelay on a free port, with its data under `directory`."""
    listens = any(option.split("=")[0] in ("--listen", "--port", "-p") for option in options)
    twistd = Path(sys.executable).with_name("twistd")
    return [
        *(sys.executable, str(twistd), "-n", "--pidfile=", "camrelay"),
        *("--data-dir", str(directory / "data")),
        *(() if listens else ("--port", "0")),
        *(() if "--drain-time" in options else ("--drain-time", "0")),
        *options,
    ]


@contextmanager
def start_relay(directory: Path, *options: str, **environment: str) -> Iterator[Server]:
    """A running camrelay; `options` follow `twistd -n camrelay`, `--port 0` unless they say."""
    directory.mkdir(parents=True, exist_ok=True)
    with Server(relay_command(directory, *options), directory, **environment) as server:
        yield server
