"""How a server leaves: everybody is told, newcomers too, and the process ends as asked."""

import re
import signal
import socket
import ssl
import threading
import time
from contextlib import ExitStack, closing

import pytest
import websocket

from tests.conftest import StartRelay
from tests.support.admin import ADMIN, ask_admin, wait_for_status
from tests.support.server import Server
from tests.support.wire import handshake

SECONDS = 20.0
GOING_AWAY = re.compile(r"the server is going away: come back in (\d+) ms")


class Client:
    """One that waits for the end, and notes when it came."""

    def __init__(self, server: Server) -> None:
        """Connected, in a room."""
        self._socket = websocket.create_connection(
            f"ws://localhost:{server.port}/ws/chat/hall", timeout=SECONDS
        )
        self.code = self.ended_at = self.retry_ms = 0.0
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        with closing(self._socket):
            _, payload = self._socket.recv_data()
            self.ended_at = time.monotonic()
            self.code = int.from_bytes(payload[:2])
            told = GOING_AWAY.fullmatch(payload[2:].decode())
            self.retry_ms = int(told[1]) if told else -1.0

    def wait(self) -> None:
        """Return when it was sent away."""
        self._thread.join(SECONDS)


def refused(server: Server) -> websocket.WebSocketBadStatusException:
    """How a newcomer is refused."""
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(f"ws://localhost:{server.port}/echo", timeout=SECONDS)
    return caught.value


def test_sigterm_ends_with_exit_code_0(relay_with: StartRelay) -> None:
    """What was asked for was done: for an init system this is no failure."""
    server = relay_with()
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0


def test_two_hundred_clients_are_sent_away_evenly(relay_with: StartRelay) -> None:
    """Each with code 1001 and a time of its own to come back, spread over the time of the drain."""
    server = relay_with("--drain-time", "2")
    clients = [Client(server) for _ in range(200)]
    asked_at = time.monotonic()
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    for client in clients:
        client.wait()
    assert {client.code for client in clients} == {1001}
    tenths = [0] * 10
    for client in clients:
        tenths[min(9, int((client.ended_at - asked_at) / 0.2))] += 1
    assert max(tenths) <= 150, f"not spread: {tenths}"
    assert min(client.retry_ms for client in clients) >= 2000
    assert len({client.retry_ms for client in clients}) > 150


def test_newcomers_are_told_when_to_come_back(relay_with: StartRelay) -> None:
    """While others still have their connections the port answers, with 503 and Retry-After."""
    server = relay_with("--drain-time", "60")
    with ExitStack() as stack:
        clients = [
            stack.enter_context(
                closing(websocket.create_connection(f"ws://localhost:{server.port}/echo"))
            )
            for _ in range(2)
        ]
        server.send_signal(signal.SIGTERM)
        assert clients[0].recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
        error = refused(server)
        assert error.status_code == 503
        assert 60 < int(error.resp_headers["retry-after"]) <= 122
        assert b"this server is going away: come back in " in error.resp_body
        clients[1].send("still served")
        assert clients[1].recv() == "still served"
        server.send_signal(signal.SIGTERM)
        assert clients[1].recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
    assert server.wait() == 0


def test_a_server_with_nobody_in_it_ends_at_once(relay_with: StartRelay) -> None:
    """There is nothing to spread."""
    server = relay_with("--drain-time", "3600")
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0


def test_a_client_that_does_not_answer_is_not_waited_for(relay_with: StartRelay) -> None:
    """The end comes all the same, within the limit."""
    server = relay_with()
    with closing(websocket.create_connection(f"ws://localhost:{server.port}/echo")):
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0


def test_a_slow_newcomer_is_still_answered(relay_with: StartRelay) -> None:
    """Who is connected when the last client leaves has a moment to finish the handshake."""
    server = relay_with("--tls")
    trust = ssl.create_default_context(cafile=server.authority)
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as slow:
        with closing(come(server, trust)):
            pass  # whoever is served now comes after `slow`, which is counted already
        server.send_signal(signal.SIGTERM)
        server.wait_for_log("draining 0 connections")
        with trust.wrap_socket(slow, server_hostname="localhost") as client:
            client.sendall(handshake("/echo"))
            answer = client.recv(65536)
        assert server.wait() == 0
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: " in answer
    assert "cut" not in server.log


def come(server: Server, trust: ssl.SSLContext) -> ssl.SSLSocket:
    """A connection on which the TLS handshake is over."""
    plain = socket.create_connection(("127.0.0.1", server.port), SECONDS)
    return trust.wrap_socket(plain, server_hostname="localhost")


def test_who_is_not_gone_in_time_is_cut(relay_with: StartRelay) -> None:
    """Such as somebody who has not finished a TLS handshake; the log says how many there were."""
    server = relay_with("--tls")
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as slow:
        with closing(come(server, ssl.create_default_context(cafile=server.authority))):
            pass  # whoever is served now comes after `slow`, which is counted already
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        assert slow.recv(1) == b""
    assert "cut 1 connections that were not over 3 s after the last close" in server.log


def test_interrupting_does_not_wait(relay_with: StartRelay) -> None:
    """Ctrl-C is pressed by somebody who sits there: all are closed at once."""
    server = relay_with("--drain-time", "3600")
    clients = [Client(server) for _ in range(2)]
    server.send_signal(signal.SIGINT)
    assert server.wait() == -signal.SIGINT
    for client in clients:
        client.wait()
        assert client.code == 1001


def test_the_status_says_draining(relay_with: StartRelay) -> None:
    """The operator sees what goes on, and how many are left."""
    server = relay_with("--drain-time", "60", *ADMIN)
    clients = [Client(server) for _ in range(2)]
    server.send_signal(signal.SIGTERM)
    clients[0].wait()
    wait_for_status(server, state="draining", connections=1)
    server.send_signal(signal.SIGTERM)
    clients[1].wait()


def test_drain_can_be_asked_for(relay_with: StartRelay) -> None:
    """Over the admin listener, with the same effect as SIGTERM."""
    server = relay_with(*ADMIN)
    client = Client(server)
    status, document = ask_admin(server, "POST", "/drain")
    assert (status, document["state"]) == (202, "draining")
    assert server.wait() == 0
    client.wait()
    assert client.code == 1001
