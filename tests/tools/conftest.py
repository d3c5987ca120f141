"""Fixtures for the tools: servers with habits, and `camrelay bench` with its figures."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.redis import redis_server
from tests.support.server import Server
from tests.tools.commands import Bench, Broadcast, run_camrelay, url_of

__all__ = ["bench", "broadcast", "redis_server"]

BROADCAST_SERVER = Path(__file__).with_name("broadcast_server.py")
BRIEF = ("--warm-up", "0.2", "--duration", "0.3")


@pytest.fixture
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broadcast]:
    """Start a relay of a few lines: `broadcast("--swallow", "10")`."""
    with ExitStack() as running:

        def start(*options: str) -> Server:
            directory = tmp_path_factory.mktemp("broadcast")
            command = [sys.executable, str(BROADCAST_SERVER), *options]
            return running.enter_context(Server(command, directory))

        yield start


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Run `camrelay bench` briefly against a server; its JSON: `bench(server, "-s", "10")`."""

    def run(server: Server, *options: str, path: str = "{room}") -> dict[str, Any]:
        file = tmp_path / "bench.json"
        completed = run_camrelay("bench", url_of(server, path), *BRIEF, *options, "--json", file)
        assert completed.returncode == 0, completed.stderr
        report = json.loads(file.read_text("utf-8"))
        assert isinstance(report, dict)
        return report

    return run
