"""A process of its own whose output is followed: waiting is waiting for a line of it."""

import re
import signal
import subprocess
import threading
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS_TO_STOP = 20.0
SECONDS_FOR_A_LINE = 10.0


class Process:
    """One running command; its output is read as it is written."""

    def __init__(
        self,
        command: list[str],
        directory: Path,
        environment: dict[str, str],
        inherited: Collection[int] = (),
    ) -> None:
        """Start `command` in `directory` with this environment and no other.

        `inherited`: descriptors that it gets under the same numbers.
        """
        self._lines = threading.Condition()
        self._text = ""
        self._ended = False
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            pass_fds=tuple(inherited),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """The process; it is asked to end when the block is left."""
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
    def memory(self) -> int:
        """Resident memory (VmRSS) in bytes."""
        return self._status("VmRSS") * 1024

    @property
    def room_for_files(self) -> int:
        """How many open files the kernel's table for the process holds (FDSize)."""
        return self._status("FDSize")

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        found = re.search(rf"^{name}:\s+([0-9]+)", status, re.MULTILINE)
        assert found, status
        return int(found[1])

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

    def type_line(self, line: str) -> None:
        """Write `line` to the process as somebody at its terminal would."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

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
        assert self._process.stdin is not None
        self._process.stdin.close()

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
