"""The admin listener, as a test asks it."""

import http.client
import json
import time
from typing import Any

from tests.support.process import Process

ADMIN = ("--admin", "tcp:0:interface=127.0.0.1")
ADMIN_LINE = r"admin http://127\.0\.0\.1:([0-9]+)/"
SECONDS = 20.0


def ask_admin(server: Process, method: str, path: str) -> tuple[int, Any]:
    """The status and the document that `server`, started with ADMIN, answers."""
    port = int(server.wait_for_log(ADMIN_LINE)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, json.load(response)


def wait_for_status(server: Process, **expected: object) -> dict[str, Any]:
    """The status, once it has all `expected` fields."""
    deadline = time.monotonic() + SECONDS
    while True:
        _, status = ask_admin(server, "GET", "/status")
        if all(status[name] == value for name, value in expected.items()):
            found: dict[str, Any] = status
            return found
        assert time.monotonic() < deadline, f"never {expected}: {status}"
