"""The admin listener of a running server, asked from another process."""

import http.client
import json
import os
import re
import socket
from typing import Any

from camrelay.config import admin_endpoint, load
from camrelay.core.errors import StartError

# Where the unit for systemd has it.
USUAL_PLACE = "unix:/run/camrelay/admin.sock"

_SECONDS = 10.0
_UNIX = re.compile(r"unix:(?:address=)?(?P<path>(?:\\.|[^:\\])+)")
_TCP = re.compile(r"tcp6?:(?:port=)?(?P<port>[0-9]+)(:interface=(?P<host>(?:\\.|[^:\\])+))?")


class Unanswered(Exception):
    """Nobody answers at the place where the server should be."""


class AdminClient:
    """Asks one server; each question is a connection of its own."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` as in `--admin`. Raises StartError when it cannot be read."""
        self._endpoint = endpoint
        self._unix, self._tcp = _UNIX.match(endpoint), _TCP.match(endpoint)
        if not (self._unix or self._tcp):
            remedy = f"is not an endpoint: write {USUAL_PLACE} or tcp:9443:interface=127.0.0.1"
            raise StartError("--admin", endpoint, remedy)

    def ask(self, method: str, path: str) -> dict[str, Any]:
        """The document that is answered. Raises Unanswered."""
        connection = http.client.HTTPConnection("localhost")
        try:
            connection.sock = self._connect()
            with connection.sock:
                connection.request(method, path)
                answer: dict[str, Any] = json.load(connection.getresponse())
        except PermissionError:
            raise Unanswered(f"{self._endpoint} cannot be opened by this user: try sudo") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            text = (
                f"no server answers at {self._endpoint} ({error}): if it runs, name its --admin, "
                "or with --config its camrelay.toml"
            )
            raise Unanswered(text) from None
        return answer

    def _connect(self) -> socket.socket:
        if self._tcp:
            host = _plain(self._tcp["host"] or "localhost")
            return socket.create_connection((host, int(self._tcp["port"])), _SECONDS)
        assert self._unix
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_SECONDS)
        connection.connect(_plain(self._unix["path"]))
        return connection


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def admin_place(admin: str | None, config: str | None) -> str:
    """`--admin`, or what the settings of the server say here, or the usual place.

    Raises StartError for settings that are not allowed.
    """
    given = {} if admin is None else {"admin": admin}
    return admin_endpoint(load(given, os.environ, config)) or USUAL_PLACE
