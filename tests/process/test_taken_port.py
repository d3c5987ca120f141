"""A port that somebody else has: the start ends, and says what to do."""

import sys
from pathlib import Path

import pytest

from tests.support.process import Process
from tests.support.server import Server, clean_environment

SCRIPTS = Path(sys.executable).parent


@pytest.mark.parametrize("way", ["twistd -n --pidfile= camrelay", "twist camrelay"])
def test_a_taken_port_ends_the_start(relay: Server, tmp_path: Path, way: str) -> None:
    """The process does not live on without a listener; its last line names the port."""
    program, *arguments = way.split()
    command = [sys.executable, str(SCRIPTS / program), *arguments]
    options = ["--port", str(relay.port), "--data-dir", str(tmp_path)]
    with Process([*command, *options], tmp_path, clean_environment()) as second:
        assert second.wait() == 1
        assert f"cannot listen on port {relay.port}" in second.log
