"""People who come one after the other, at a steady pace, whatever the server does meanwhile.

Each connects, and stays until the server sends it away. What became of it is one of

    told        it was let in, and later sent away with a time to come back
    told later  it was refused with 503 and a time to come back
    refused     nobody listened
    other       anything else, which nobody could explain to a person
"""

import re
import signal
import ssl
import threading
import time
from collections import Counter
from pathlib import Path

import websocket

from tests.support.systemd import FakeSystemd, start_under

SECONDS = 30.0
OPTIONS = ("--drain-time", "1", "--connections-per-address", "0")
_GOING_AWAY = re.compile(rb"the server is going away: come back in \d+ ms")


class Visitors:
    """Visitors of a port with TLS, until `stop`."""

    def __init__(self, port: int, authority: Path, a_second: float) -> None:
        """`a_second`: so many come each second."""
        self._url = f"wss://localhost:{port}/echo"
        self._trust = ssl.create_default_context(cafile=str(authority))
        self._pause = 1 / a_second
        self._stopped = threading.Event()
        self._visits: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._let_in = self._turned_away = 0
        self.outcomes: Counter[str] = Counter()
        self.longest_wait = 0.0
        self._arrivals = threading.Thread(target=self._arrive)
        self._arrivals.start()

    def stop(self) -> None:
        """No more come."""
        self._stopped.set()
        self._arrivals.join()

    def wait_for_more(self, count: float) -> None:
        """Return when so many more have been let in than were before."""
        with self._changed:
            goal = self._let_in + count
            assert self._changed.wait_for(lambda: self._let_in >= goal, SECONDS), self.outcomes

    def wait_until_connected(self) -> None:
        """Return when nobody waits to be let in any more."""
        with self._changed:
            assert self._changed.wait_for(self._nobody_waits, SECONDS), self.outcomes

    def _nobody_waits(self) -> bool:
        return self._let_in + self._turned_away == len(self._visits)

    def wait(self) -> None:
        """Return when all are gone."""
        for visit in self._visits:
            visit.join()

    def _arrive(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due += self._pause
            visit = threading.Thread(target=self._visit)
            visit.start()
            self._visits.append(visit)

    def _visit(self) -> None:
        began = time.monotonic()
        client, outcome = self._connect()
        with self._changed:
            self._let_in += client is not None
            self._turned_away += client is None
            self.longest_wait = max(self.longest_wait, time.monotonic() - began)
            self._changed.notify_all()
        if client is not None:
            outcome = self._stay(client)
        with self._changed:
            self.outcomes[outcome] += 1

    def _connect(self) -> tuple[websocket.WebSocket | None, str]:
        try:
            return websocket.create_connection(
                self._url, timeout=SECONDS, sslopt={"context": self._trust}
            ), ""
        except websocket.WebSocketBadStatusException as refusal:
            told = refusal.status_code == 503 and refusal.resp_headers.get("retry-after")
            return None, "told later" if told else f"other: {refusal}"
        except ConnectionRefusedError:
            return None, "refused"
        except (OSError, websocket.WebSocketException) as error:
            return None, f"other: coming in: {error!r}"

    def _stay(self, client: websocket.WebSocket) -> str:
        try:
            _, payload = client.recv_data()
            client.close(timeout=1)
        except (OSError, websocket.WebSocketException) as error:
            return f"other: staying: {error!r}"
        return "told" if _GOING_AWAY.fullmatch(payload[2:]) else f"other: {payload!r}"


def restart_among_visitors(
    systemd: FakeSystemd, directory: Path, a_second: float, restarts: int
) -> Visitors:
    """Start the server so many times more while visitors come; all of them are gone then."""
    visitors = None
    for _ in range(restarts + 1):
        with start_under(systemd, directory, *OPTIONS) as server:
            systemd.wait_for("READY=1")
            port = systemd.port.getsockname()[1]
            visitors = visitors or Visitors(port, server.authority, a_second)
            visitors.wait_for_more(a_second)
            server.send_signal(signal.SIGTERM)
            assert server.wait() == 0
    assert visitors is not None
    visitors.stop()
    with start_under(systemd, directory, *OPTIONS) as server:
        systemd.wait_for("READY=1")
        visitors.wait_until_connected()
        server.stop()
    visitors.wait()
    return visitors
