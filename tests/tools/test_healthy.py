"""`camrelay healthy`: yes or no, by exit code."""

from pathlib import Path

import pytest
import trustme

from camrelay.config import Settings
from camrelay.tools.healthy import own_address
from tests.conftest import StartRelay
from tests.support.redis import free_port
from tests.support.server import Server
from tests.support.strange_servers import answer, be_silent, serve
from tests.tools.commands import run_camrelay


def test_a_server_that_answers_is_healthy(relay: Server) -> None:
    """The environment says which port it has, as it says it to the server."""
    ran = run_camrelay("healthy", PORT=str(relay.port))
    assert (ran.returncode, ran.stdout) == (0, "ok\n")
    assert run_camrelay("healthy", f"http://localhost:{relay.port}/").returncode == 0


def test_with_tls_too(relay_with: StartRelay) -> None:
    """Whoever signed its certificate."""
    port = str(relay_with("--tls").port)
    assert run_camrelay("healthy", CAMRELAY_TLS="1", CAMRELAY_PORT=port).returncode == 0


def test_a_server_that_wants_certificates_is_healthy(
    relay_with: StartRelay, tmp_path: Path
) -> None:
    """It answers nobody who has none, and the check has none: a handshake is enough."""
    authority = tmp_path / "clients.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    settings = {"CAMRELAY_TLS": "1", "CAMRELAY_CLIENT_CA": str(authority)}
    server = relay_with(**settings)
    ran = run_camrelay("healthy", CAMRELAY_PORT=str(server.port), **settings)
    assert (ran.returncode, ran.stdout) == (0, "ok, for clients with a certificate\n")
    server.stop()
    gone = run_camrelay("healthy", CAMRELAY_PORT=str(server.port), **settings)
    assert gone.returncode == 1
    assert "does not answer" in gone.stderr


def test_what_does_not_answer_is_not_healthy() -> None:
    """Nobody there, somebody who refuses, somebody who hangs: exit code 1, one line."""
    gone = run_camrelay("healthy", PORT=str(free_port()))
    assert gone.returncode == 1
    assert "does not answer" in gone.stderr
    with serve(answer(503)) as port:
        refused = run_camrelay("healthy", f"http://localhost:{port}")
        assert refused.returncode == 1
        assert f"http://localhost:{port} answers 503" in refused.stderr
    with serve(be_silent) as port:
        silent = run_camrelay("healthy", "--timeout", "0.3", PORT=str(port))
        assert silent.returncode == 1
        assert "Traceback" not in silent.stderr


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        (Settings(), "http://localhost:8080"),
        (Settings(tls=True), "https://localhost:8443"),
        (Settings(port=5000), "http://localhost:5000"),
        (Settings(listen=("unix:/run/x", "tls+tcp:443")), "https://localhost:443"),
        (Settings(listen=("tcp:80",), port=5000, tls=True), "https://localhost:5000"),
    ],
)
def test_the_settings_say_where_it_answers(settings: Settings, address: str) -> None:
    """As at the start of the server."""
    assert own_address(settings) == address


def test_a_wrong_setting_is_told() -> None:
    """And not taken for a server that is down."""
    ran = run_camrelay("healthy", PORT="http")
    assert ran.returncode == 1
    assert "environment PORT: 'http' is not allowed" in ran.stderr
