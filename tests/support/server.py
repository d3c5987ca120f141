"""Start a real server as a process of its own, follow its log, and stop it.

    with start_relay(directory, "--tls") as server:
        server.port, server.secure, server.authority
        server.wait_for_log(r"slow consumer")

Nothing here sleeps: the log is read as it is written, and waiting is waiting for a line.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS_TO_START = 20.0
SECONDS_TO_STOP = 20.0
SECONDS_FOR_A_LINE = 10.0
OPEN_LINE = re.compile(r"open (?P<scheme>https?)://localhost:(?P<port>[0-9]+)/")
AUTHORITY_LINE = re.compile(r"authority (?P<file>/.*\.(?:pem|crt))\b")


class Server:
    """One server process that prints `open http://localhost:PORT/` when it is up."""

    def __init__(self, command: list[str], directory: Path, **environment: str) -> None:
        """Start `command` in `directory`; `environment` is added to a clean one."""
        self._lines = threading.Condition()
        self._text = ""
        self._ended = False
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env=clean_environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """The process, once it takes connections."""
        try:
            self.wait_for_log(OPEN_LINE, SECONDS_TO_START)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the process if the test has not done so."""
        self.stop()

    @property
    def log(self) -> str:
        """Everything the process has printed so far."""
        with self._lines:
            return self._text

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

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

    @property
    def memory(self) -> int:
        """Resident memory (VmRSS) in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        found = re.search(r"VmRSS:\s+([0-9]+) kB", status)
        assert found, status
        return int(found[1]) * 1024

    def wait_for_log(
        self, pattern: str | re.Pattern[str], timeout: float = SECONDS_FOR_A_LINE, start: int = 0
    ) -> re.Match[str]:
        """The first match of `pattern` in the log from character `start` on, once it is there."""
        deadline = time.monotonic() + timeout
        with self._lines:
            while True:
                found = re.compile(pattern).search(self._text, start)
                if found:
                    return found
                remaining = deadline - time.monotonic()
                if self._ended or remaining <= 0:
                    how = "ended" if self._ended else f"said nothing like it in {timeout} s"
                    raise AssertionError(f"no {pattern!r} in the log, it {how}:\n{self._text}")
                self._lines.wait(remaining)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def wait(self, timeout: float = SECONDS_TO_STOP) -> int:
        """The exit code, once the process has ended by itself and its log is read to the end."""
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        return code

    def stop(self) -> int:
        """Ask the process to end (SIGTERM) and give its exit code; kill it if it does not."""
        if self._process.poll() is None:
            self.send_signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"it ignores SIGTERM; its log:\n{self.log}") from error
        finally:
            self.kill()

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._process.kill()
        self._process.wait(SECONDS_TO_STOP)
        self._reader.join(SECONDS_TO_STOP)

    def _follow(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                with self._lines:
                    self._text += line.decode("utf-8", "backslashreplace")
                    self._lines.notify_all()
        with self._lines:
            self._ended = True
            self._lines.notify_all()


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
        *options,
    ]


@contextmanager
def start_relay(directory: Path, *options: str, **environment: str) -> Iterator[Server]:
    """A running camrelay; `options` follow `twistd -n camrelay`, `--port 0` unless they say."""
    directory.mkdir(parents=True, exist_ok=True)
    with Server(relay_command(directory, *options), directory, **environment) as server:
        yield server
