"""The servers that are compared: a folder each, with a start script and a peer.toml."""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
SERVER_CORES = "0"
SECONDS_TO_INSTALL = 600
SECONDS_TO_START = 30
SECONDS_TO_STOP = 5


class PeerError(Exception):
    """A peer that cannot be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files for the servers that speak TLS."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Peer:
    """One server."""

    name: str
    folder: Path
    title: str
    what: str
    path: str
    """Path of a room, with {room}."""
    tls: bool
    floor: bool = False
    """It is no peer but the least that the machine needs."""

    @property
    def dialect(self) -> Path | None:
        """How its clients speak, if not with plain JSON."""
        file = self.folder / "dialect.toml"
        return file if file.exists() else None

    def install(self) -> None:
        """Fetch what is missing. Raises PeerError with the last thing that the script said."""
        self._start("install", SECONDS_TO_INSTALL)

    def version(self) -> str:
        """Which versions of what."""
        return self._start("version", SECONDS_TO_START).strip()

    @contextmanager
    def serve(
        self, certificate: Certificate | None, cores: str = SERVER_CORES, **environment: str
    ) -> Iterator[tuple[int, int]]:
        """The peer as a running server on cores of its own: its process id and its port.

        `environment` is for its start script; CLUSTER_NODE in it tells apart the logs of several.
        """
        port = _free_port()
        files = (certificate.certificate, certificate.key) if certificate else ()
        command = [*pinned(cores), str(self.folder / "start"), str(port), *map(str, files)]
        name = f"{self.name}{environment.get('CLUSTER_NODE', '')}"
        with running(command, name, **environment) as (process, log):
            _wait_until_open(process, port, log)
            yield process.pid, port

    def _start(self, what: str, seconds: float) -> str:
        completed = subprocess.run(
            [self.folder / "start", what],
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=_environment(),
        )
        if completed.returncode:
            said = completed.stderr.strip().splitlines() or [f"exit code {completed.returncode}"]
            raise PeerError(said[-1])
        return completed.stdout


def find_peers() -> dict[str, Peer]:
    """All peers by name, camrelay first and the floor last."""
    folders = sorted((BENCHMARKS / "peers").glob("*/peer.toml"))
    peers = [_read(file.parent) for file in [*folders, BENCHMARKS / "floor" / "peer.toml"]]
    peers.sort(key=lambda peer: (peer.floor, peer.name != "camrelay", peer.name))
    return {peer.name: peer for peer in peers}


def pinned(cores: str) -> list[str]:
    """What to put before a command so that it runs on these cores; nothing if there is only one."""
    return ["taskset", "--cpu-list", cores] if (os.cpu_count() or 1) > 1 else []


@contextmanager
def running(
    command: list[str], name: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A command as a running process with a group of its own, and the file that it logs to."""
    path = BENCHMARKS / ".cache" / "logs" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env=_environment() | environment,
            start_new_session=True,
        )
    try:
        yield process, path
    finally:
        _stop(process)


def make_certificate() -> Certificate:
    """A certificate for 127.0.0.1 that signs itself, made once."""
    folder = BENCHMARKS / ".cache" / "tls"
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    if not made.key.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                ),
                *("-nodes", "-days", "3650", "-subj", "/CN=benchmarks"),
                *("-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(made.key), "-out", str(made.certificate)),
            ],
            check=True,
            capture_output=True,
        )
    return made


def _read(folder: Path) -> Peer:
    table = tomllib.loads((folder / "peer.toml").read_text("utf-8"))
    return Peer(name=folder.name, folder=folder, **table)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHON": sys.executable}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log.read_text("utf-8", "replace").strip().splitlines() or ["nothing"]
            raise PeerError(f"it ended, having said: {said[-1]}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise PeerError(f"it does not listen after {SECONDS_TO_START} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
