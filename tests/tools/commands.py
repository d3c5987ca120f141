"""The `camrelay` command as a user runs it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.server import Server, clean_environment

CAMRELAY = Path(sys.executable).with_name("camrelay")
SECONDS_FOR_A_COMMAND = 60.0

Broadcast = Callable[..., Server]
Bench = Callable[..., dict[str, Any]]


def url_of(server: Server, path: str = "{room}") -> str:
    """The WebSocket URL of a server."""
    return f"{'wss' if server.secure else 'ws'}://localhost:{server.port}/{path}"


def run_camrelay(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the `camrelay` command to its end; `environment` is added to a clean one."""
    return subprocess.run(
        [CAMRELAY, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_FOR_A_COMMAND,
        cwd=cwd,
        env=clean_environment() | environment,
    )
