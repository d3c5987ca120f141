"""The `camrelay` command as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from camrelay.tools.main import main
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


def call_camrelay(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """As `run_camrelay`, within this process: for questions that are asked in many ways."""
    known = clean_environment()
    hidden = {name: None for name in os.environ if name not in known}
    words = [str(each) for each in arguments]
    with chdir(cwd or Path.cwd()):
        ran = CliRunner().invoke(main, words, env=hidden | environment, prog_name="camrelay")
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return subprocess.CompletedProcess(words, ran.exit_code, ran.stdout, ran.stderr)
