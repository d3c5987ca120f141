"""How the process starts: what is refused, and what is said once it can be used."""

import json
import sys
from pathlib import Path

from tests.conftest import StartRelay
from tests.support.process import Process
from tests.support.server import Server, clean_environment
from tests.support.wire import Wire

SCRIPTS = Path(sys.executable).parent


def test_a_certificate_that_nobody_would_see_ends_the_start(tmp_path: Path) -> None:
    """Whoever names a certificate means TLS: the server does not go on in plain text."""
    command = [sys.executable, str(SCRIPTS / "twistd"), "-n", "--pidfile=", "camrelay"]
    options = ["--port", "0", "--certificate", "chain.pem"]
    with Process([*command, *options], tmp_path, clean_environment()) as process:
        assert process.wait() == 1
        complaint = "camrelay: --certificate: 'chain.pem' is given, but nothing serves TLS"
        assert complaint in process.log
        assert "Traceback" not in process.log


def test_python_m_camrelay_writes_json_when_told(tmp_path: Path) -> None:
    """Every documented way to start takes every option."""
    command = [sys.executable, "-m", "camrelay", "--port", "0", "--log-format", "json"]
    with Server(command, tmp_path) as server:
        first = server.log.splitlines()[0]
        assert json.loads(first)["level"] == "info"


def test_who_is_turned_away_at_the_door_is_in_the_log(relay_with: StartRelay) -> None:
    """An operator sees why a phone does not come in, though it never asked for a room."""
    server = relay_with()
    with Wire(server.port) as wire:
        wire.send(b"GET /ws/camera HTTP/1.1\r\nno colon\r\n\r\n")
        server.wait_for_log(
            r"connection denied 400 from 127\.0\.0\.1:[0-9]+ as \S+: not a header line"
        )


def test_a_misspelt_variable_is_in_the_log(relay_with: StartRelay) -> None:
    """It changes nothing, and somebody expects that it does."""
    server = relay_with(CAMRELAY_MESAGE_RATE="10")
    server.wait_for_log("CAMRELAY_MESAGE_RATE is not a setting: did you mean CAMRELAY_MESSAGE_RATE")
