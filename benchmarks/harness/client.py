"""Who makes the load: client/ in C, or `camrelay bench` where that cannot be compiled."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from camrelay.tools.bench.dialect import Dialect, read_dialect
from camrelay.tools.bench.usage import ServerUsage
from harness.peers import BENCHMARKS, PeerError, pinned

CLIENT_CORES = "1"
SECONDS_FOR_ONE = 120
SOURCES = BENCHMARKS / "client"
PROGRAM = BENCHMARKS / ".cache" / "load"


def ignore(_word: str) -> None:
    """For whom the report is enough."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a client is to do."""

    url: str
    """Of a room, with {room}."""
    options: tuple[str, ...]
    """Load and times: both clients have the same names for them."""
    server: int
    """The process that is watched meanwhile, with its children."""
    dialect: Path | None
    certificate: Path | None
    cores: str = CLIENT_CORES
    told: Callable[[str], None] = ignore
    """Called with `open`, `begin` and `end` when the client in C is so far."""


class Client(Protocol):
    """Makes the load of an errand."""

    title: str
    """What it is, for the results."""

    def run(self, errand: Errand) -> dict[str, Any]:
        """The figures, as `camrelay bench --json` has them. Raises PeerError if there are none."""


def find_client() -> Client:
    """The client in C if it can be compiled here, else the one in Python, which says why."""
    PROGRAM.parent.mkdir(exist_ok=True)
    sources = sorted(map(str, SOURCES.glob("*.c")))
    command = ["cc", "-O2", "-o", str(PROGRAM), *sources, "-lssl", "-lcrypto"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        return BenchClient("there is no C compiler")
    except subprocess.CalledProcessError as error:
        reasons = (line for line in error.stderr.splitlines() if "error" in line)
        return BenchClient(next(reasons, "the linker failed"))
    return LoadClient()


class LoadClient:
    """The client in C."""

    title = "benchmarks/client (C)"

    def run(self, errand: Errand) -> dict[str, Any]:
        """The figures; those of the server are taken here, whenever the client says so."""
        dialect = _options(read_dialect(errand.dialect)) if errand.dialect else ()
        command = [*pinned(errand.cores), str(PROGRAM), *errand.options, *dialect, errand.url]
        usage = ServerUsage(errand.server)
        usage.look_for_children()
        looks = {"start": _Look(usage)}
        line = ""
        for line in _lines_of(command):
            if line == "open":
                usage.look_for_children()  # servers start more processes as they go
            if not line.startswith("{"):
                looks[line] = _Look(usage)
                errand.told(line)
        report: dict[str, Any] = json.loads(line)
        return report | {"server": _server(looks, report)}


class BenchClient:
    """The client in Python, which comes with camrelay."""

    def __init__(self, reason: str) -> None:
        """`reason`: why it is not the one in C."""
        self.title = f"`camrelay bench`, because benchmarks/client cannot be compiled: {reason}"

    def run(self, errand: Errand) -> dict[str, Any]:
        """The figures."""
        command = [*pinned(errand.cores), str(Path(sys.executable).with_name("camrelay")), "bench"]
        command += ["--quiet", "--server-pid", str(errand.server), *errand.options]
        if errand.certificate:
            command += ["--authority", str(errand.certificate)]
        if errand.dialect:
            command += ["--dialect", str(errand.dialect)]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "report.json"
            for _ in _lines_of([*command, "--json", str(file), errand.url]):
                continue
            report: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return report


def _lines_of(command: list[str]) -> Iterator[str]:
    """What `command` prints, line by line. Raises PeerError if it fails or takes too long."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout
        assert process.stderr
        timer = threading.Timer(SECONDS_FOR_ONE, process.kill)
        timer.start()
        for line in process.stdout:
            yield line.rstrip("\n")
        said = process.stderr.read().strip().splitlines()
        in_time = timer.is_alive()
        timer.cancel()
    if process.returncode:
        silence = "no reason given" if in_time else f"no end after {SECONDS_FOR_ONE} s"
        raise PeerError(said[-1] if said else silence)


def _options(dialect: Dialect) -> Iterator[str]:
    """A dialect as options of the client in C: bytes that a shell might not like are %XX."""
    if dialect.subprotocol:
        yield f"--subprotocol={dialect.subprotocol}"
    if dialect.binary:
        yield "--binary"
    yield f"--prefix={_quoted(dialect.prefix)}"
    yield f"--suffix={_quoted(dialect.suffix)}"
    for step in dialect.hello:
        yield f"--hello={step.only},{_quoted(step.send)},{_quoted(step.wait)}"
    for to, answer in dialect.replies:
        yield f"--reply={quote(to, safe='{}')},{quote(answer, safe='{}')}"


def _quoted(text: str) -> str:
    return quote(text.encode("latin-1"), safe="{}")


class _Look:
    """One look at the server: when it was, CPU seconds and memory."""

    def __init__(self, usage: ServerUsage) -> None:
        self.clock, self.cpu = time.monotonic(), usage.cpu_seconds()
        self.memory = usage.memory_kib()


def _server(looks: dict[str, _Look], report: dict[str, Any]) -> dict[str, float | None]:
    """What the server cost, from the looks at the start and at what the client said."""
    start, opened, begin, end = (looks[name] for name in ("start", "open", "begin", "end"))
    utilisation = (end.cpu - begin.cpu) / (end.clock - begin.clock)
    deliveries, connections = report["deliveries_per_second"], report["connections"]["count"]
    return {
        "utilisation": utilisation,
        "us_per_delivery": utilisation * 1e6 / deliveries if deliveries else None,
        "us_per_connection": (opened.cpu - start.cpu) * 1e6 / connections,
        "kib_per_connection": (opened.memory - start.memory) / connections,
    }
