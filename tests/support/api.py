"""The HTTP API of a real server, as a program uses it that has nothing but sockets.

with start_api(folder) as api:
    answer = api.post("/api/messages?room=/ws/chat/lobby", line("hello"))
    assert answer.status == 200
    with api.listen("/ws/chat/lobby") as stream:
        assert stream.next().type == "welcome"
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.support.server import Server, start_relay
from tests.support.tokens import key, key_set, token, write_secret
from tests.support.wire import Response, Wire

OWN = key("own", "HS256")
JSON = "Content-Type: application/json"
TEXT = "Content-Type: text/plain"
BINARY = "Content-Type: application/octet-stream"


def bearer(subject: str = "alice", /, *, claims: dict[str, Any] | None = None, **may: str) -> str:
    """A header with a token that the server believes: `bearer("bob", send="jobs")`."""
    grants = {act: [pattern] for act, pattern in may.items()}
    return f"Authorization: Bearer {token(OWN, sub=subject, camrelay=grants, **(claims or {}))}"


class Answer:
    """What came back."""

    def __init__(self, response: Response) -> None:
        """From the wire."""
        self.status = response.status
        self.body = response.body
        self.header = response.header

    @property
    def document(self) -> Any:
        """The body as JSON, which it says it is."""
        assert self.header("Content-Type") == "application/json", self
        return json.loads(self.body)

    @property
    def code(self) -> tuple[int, str]:
        """The status and the code of an error; those who see the detail can read it."""
        error = self.document["error"]
        assert len(error["detail"]) > 10
        return self.status, error["code"]

    def __repr__(self) -> str:
        """For a test that fails."""
        return f"{self.status} {self.body!r}"


class Event(NamedTuple):
    """One event of a stream: its fields, and its data as JSON."""

    type: str
    id: str
    data: Any
    retry: str


class Stream:
    """A room as events, read as they come."""

    def __init__(self, wire: Wire) -> None:
        """`wire`: the answer has begun; its head was read."""
        self.wire = wire
        self._text = b""
        self.has_ended = False

    def __enter__(self) -> Self:
        """The stream."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Gone without a word, as a browser goes."""
        self.wire.__exit__(kind, error, traceback)

    def next(self, *types: str) -> Event:
        """The next event, or the next of some `types`."""
        while True:
            fields = self._fields()
            data = json.loads(fields["data"]) if "data" in fields else None
            event = Event(
                fields.get("event", ""), fields.get("id", ""), data, fields.get("retry", "")
            )
            if event.data is not None and (not types or event.type in types):
                return event

    def until_comment(self) -> str:
        """The next line that a browser passes over."""
        while True:
            for line in self._block().split("\n"):
                if line.startswith(":"):
                    return line

    def _fields(self) -> dict[str, str]:
        """As WHATWG HTML 9.2.6 has it, of what we send."""
        fields: dict[str, str] = {}
        for line in self._block().split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        return fields

    def _block(self) -> str:
        while b"\n\n" not in self._text:
            chunk = self.wire.read_chunk()
            assert chunk, f"the stream has ended behind {self._text!r}"
            self._text += chunk
        block, _, self._text = self._text.partition(b"\n\n")
        return block.decode()

    def read_end(self) -> None:
        """The answer ends as a whole one (RFC 9112 section 7.1)."""
        assert (self._text, self.wire.read_chunk()) == (b"", b"")


class Api:
    """Asks one server."""

    def __init__(self, server: Server) -> None:
        """It is running."""
        self.server = server

    def wire(self, **options: Any) -> Wire:
        """A connection, with TLS if the server has it."""
        authority = self.server.authority if self.server.secure else None
        return Wire(self.server.port, authority=authority, **options)

    def ask(self, method: str, target: str, *headers: str, body: bytes | None = None) -> Answer:
        """One request on a connection of its own."""
        with self.wire() as wire:
            return self.ask_on(wire, method, target, *headers, body=body)

    def ask_on(
        self, wire: Wire, method: str, target: str, *headers: str, body: bytes | None = None
    ) -> Answer:
        """One request on a connection that is there."""
        wire.send(head(method, target, *headers, body=body), body or b"")
        return Answer(wire.read_response(has_body=method != "HEAD"))

    def get(self, target: str, *headers: str) -> Answer:
        """Read something."""
        return self.ask("GET", target, *headers)

    def post(self, target: str, body: object = b"", *headers: str) -> Answer:
        """Do something; what is not bytes is sent as JSON."""
        if isinstance(body, bytes):
            return self.ask("POST", target, *headers, body=body)
        return self.ask("POST", target, JSON, *headers, body=json.dumps(body).encode())

    def listen(self, room: str, *headers: str, more: str = "", **options: Any) -> Stream:
        """Events; `more` are parameters, `options` those of the Wire."""
        wire = self.wire(**options)
        wire.send(head("GET", f"/api/events?room={room}{more}", *headers))
        response = wire.read_head()
        assert (response.status, response.header("Content-Type")) == (200, "text/event-stream")
        assert response.header("Transfer-Encoding") == "chunked"
        return Stream(wire)


def head(method: str, target: str, *headers: str, body: bytes | None = None) -> bytes:
    """The head of a request; `body` gives it a length, and a Host is added if it has none."""
    lines = [f"{method} {target} HTTP/1.1", *headers]
    if not any(header.startswith("Host:") for header in headers):
        lines.append("Host: localhost")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode()


@contextmanager
def start_api(folder: Path, *options: str, routes: str = "") -> Iterator[Api]:
    """A server that believes our tokens; `routes` are a camrelay.toml."""
    (folder / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
    write_secret(folder / "data" / "keys.json", key_set(OWN))
    (folder / "camrelay.toml").write_text(routes, "utf-8")
    with start_relay(folder, *options) as server:
        yield Api(server)
