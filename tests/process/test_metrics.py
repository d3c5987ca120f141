"""The metrics of a real server, and its health, as a monitor asks for them."""

import http.client
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
import websocket

from tests.conftest import StartRelay
from tests.support.admin import ADMIN
from tests.support.metrics import ask, scrape, scrape_until
from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server, start_relay

__all__ = ["redis_server"]

SECONDS = 10.0
CHAT = "/ws/chat/hall-of-fame"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A relay with an admin listener, that pings often."""
    with start_relay(tmp_path, *ADMIN, "--ping-interval", "1") as started:
        yield started


def connect(server: Server, path: str) -> websocket.WebSocket:
    """A client."""
    return websocket.create_connection(f"ws://localhost:{server.port}{path}", timeout=SECONDS)


def test_what_passes_is_counted(server: Server) -> None:
    """Members, messages in, out and dropped, fan-outs, answers and refusals."""
    members = [connect(server, CHAT) for _ in range(3)]
    members[0].send('{"message": "hello"}')
    for member in members:
        member.recv()
    members[0].send("garbage")
    with pytest.raises(websocket.WebSocketBadStatusException):
        connect(server, "/no/where")
    now = scrape_until(server, lambda now: now.value("camrelay_messages_dropped_total") > 0)
    assert now.value("camrelay_members") == now.value("camrelay_members_joined_total") == 3
    assert now.value("camrelay_rooms") == 1
    assert now.value("camrelay_messages_received_total") == 2
    assert now.value("camrelay_messages_sent_total") == 3
    assert now.value("camrelay_messages_dropped_total", reason="malformed") == 1
    assert now.value("camrelay_refusals_total", at="room", status="404") == 1
    assert now.value("camrelay_fan_out_seconds_count") == 1
    assert now.value("camrelay_relay_latency_seconds_count") == 1
    assert now.value("camrelay_history_stored_total") == 1
    members[0].close()
    now = scrape_until(server, lambda now: now.value("camrelay_members") == 2)
    assert now.value("camrelay_members_left_total", code="1xxx", reason="normal") == 1
    for member in members[1:]:
        member.close()


def test_answers_of_pages_and_calls_are_counted(server: Server) -> None:
    """By the call, not by the path: there are endless paths."""
    for path in ("/chat/", "/api/rooms", "/api/channels/jobs/receive", "/api/no/such", "/no/page"):
        connection = http.client.HTTPConnection("localhost", server.port, timeout=SECONDS)
        connection.request("GET", path)
        connection.getresponse().read()
    now = scrape(server)
    for call, status in (
        *(("page", "200"), ("page", "404"), ("rooms", "401")),
        *(("channels/{channel}/receive", "405"), ("unknown", "404")),
    ):
        assert now.value("camrelay_http_answers_total", call=call, status=status) == 1


def test_calls_that_are_refused_are_counted_as_handshakes_are(server: Server) -> None:
    """And noted, each once; who only asks for its own name is no matter."""
    for path in ("/api/rooms?room=/x", "/api/channels/jobs", "/api/session"):
        connection = http.client.HTTPConnection("localhost", server.port, timeout=SECONDS)
        connection.request("POST" if "jobs" in path else "GET", path)
        assert connection.getresponse().status == 401
    now = scrape(server)
    assert now.value("camrelay_refusals_total", at="room", status="401") == 2
    server.wait_for_log(r"handshake /api/rooms denied 401 from .*: sign in to see the rooms")


def test_pings_tell_how_far_clients_are(server: Server) -> None:
    """From the ping to the pong of a client that we did not write."""
    client = connect(server, CHAT)
    client.recv_data_frame(control_frame=True)  # answers it
    scrape_until(server, lambda now: now.value("camrelay_ping_round_trip_seconds_count") > 0)
    client.close()


def test_nobody_is_named(server: Server) -> None:
    """No room, no user, no address: whoever may read metrics need not know them."""
    client = connect(server, f"{CHAT}?user=anna-lena")
    client.send('{"message": "hello"}')
    client.recv()
    text = scrape(server).text
    client.close()
    for secret in ("hall-of-fame", "anna-lena", "127.0.0.1"):
        assert secret not in text


@pytest.mark.skipif(not which("promtool"), reason="needs promtool: apt-get install prometheus")
def test_prometheus_has_no_complaints(server: Server) -> None:
    """About names, units and help."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=scrape(server).text.encode(),
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_certificate_has_an_end(relay_with: StartRelay) -> None:
    """In seconds from now, for each file."""
    server = relay_with(*ADMIN, "--tls")
    left = scrape(server).value("camrelay_certificate_seconds_left")
    assert 86400 < left < 400 * 86400


# health


def test_a_server_that_answers_is_alive(server: Server) -> None:
    """Whether new clients should come is another question."""
    response, text = ask(server, "/healthz")
    assert (response.status, text) == (200, "ok\n")


def test_a_server_that_serves_is_ready(server: Server) -> None:
    """Without reasons against it."""
    response, text = ask(server, "/readyz")
    assert response.status == 200
    assert json.loads(text) == {"state": "ready", "reasons": {}, "degraded": {}}


def test_a_server_that_drains_is_alive_and_not_ready(relay_with: StartRelay) -> None:
    """As long as its last members have time."""
    server = relay_with(*ADMIN, "--drain-time", "60")
    client = connect(server, CHAT)
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("draining")
    response, text = ask(server, "/readyz")
    assert response.status == 503
    assert json.loads(text)["reasons"] == {"draining": "the server is going away"}
    assert scrape(server).value("camrelay_ready") == 0
    assert ask(server, "/healthz")[0].status == 200
    client.close()


def test_without_redis_a_server_is_degraded_and_ready(
    relay_with: StartRelay, redis_server: RedisServer
) -> None:
    """It goes on with its own members, and all others have lost the same Redis."""
    server = relay_with(*ADMIN, "--redis", redis_server.url, "--history", "redis")
    server.wait_for_log("is up")
    now = scrape_until(server, lambda now: now.value("camrelay_bus_lag_seconds_count") > 0)
    assert now.value("camrelay_bus_up") == 1
    redis_server.kill()
    server.wait_for_log("is down")
    client = connect(server, CHAT)
    client.send('{"message": "hello"}')
    now = scrape_until(
        server, lambda now: now.value("camrelay_messages_dropped_total", reason="not-stored") > 0
    )
    assert (now.value("camrelay_bus_up"), now.value("camrelay_ready")) == (0, 1)
    assert now.value("camrelay_history_trouble") == 1
    response, text = ask(server, "/readyz")
    assert response.status == 200
    assert set(json.loads(text)["degraded"]) == {"redis", "history"}
    client.close()
