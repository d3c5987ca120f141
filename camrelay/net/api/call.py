"""One call: a request of HTTP as the API and the relay see it."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote

from msgspec.structs import replace
from twisted.web.server import Request as HTTPRequest

from camrelay.core import admission
from camrelay.core.dialects.dialect import Dialect
from camrelay.core.dialects.plain import PLAIN
from camrelay.core.errors import Denied
from camrelay.core.parameters import whole_number
from camrelay.net.client_certificates import subject_at
from camrelay.net.peers import names_of


class Call(NamedTuple):
    """What was asked for. `rest` are the parts of the path that the table leaves open."""

    http: HTTPRequest
    query: Mapping[str, str]
    rest: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """What was sent with it."""
        content: Any = self.http.content
        content.seek(0)
        return bytes(content.read())

    @property
    def text(self) -> bytes:
        """What was sent with it, in UTF-8. Raises Denied(400)."""
        body = self.body
        try:
            body.decode()
        except UnicodeDecodeError:
            raise Denied(400, "the body is not UTF-8") from None
        return body

    def header(self, name: str) -> str:
        """A header; empty when it is missing. Raises Denied(400) for one that is given twice.

        As bytes: Twisted would read it as UTF-8, which it does not have to be.
        """
        values = self.http.requestHeaders.getRawHeaders(name.encode("ascii"), ())
        if len(values) > 1:
            raise Denied(400, f"the header {name} is given twice")
        return values[0].decode("latin-1") if values else ""

    def whole(self, name: str, usual: int, most: int) -> int:
        """A parameter that is a whole number from 0 to `most`. Raises Denied(400)."""
        number = whole_number(self.query, name, most)
        return usual if number is None else number

    def without(self, *names: str) -> "Call":
        """The call without some of its parameters."""
        query = {name: value for name, value in self.query.items() if name not in names}
        return self._replace(query=query)

    def request(self, dialect: Dialect = PLAIN, room: str = "") -> admission.Request:
        """The call as the relay judges it; `room` is the room that it is about, if there is one."""
        peer, _ = names_of(self._channel.getPeer())
        return admission.Request(
            path=quote(room, safe="/") or self.http.path.decode("latin-1"),
            query=self.query,
            host=self.host,
            origin=self._origin,
            peer=peer,
            certificate_subject=subject_at(self._channel.transport),
            authorization=self.header("authorization"),
            cookie=self.header("cookie"),
            dialect=dialect,
            id=self._channel.id,
        )

    def stranger(self) -> admission.Request:
        """The call without what it shows of a token: who signs in or out needs no good one."""
        return replace(self.request(), authorization="", cookie="", query={})

    @property
    def is_secure(self) -> bool:
        """It came over TLS."""
        return bool(self.http.isSecure())

    def in_room(self, dialect: Dialect = PLAIN) -> admission.Request:
        """About the room that the parameter `room` names. Raises Denied(400) when it names none."""
        room = self.query.get("room", "")
        if not room.startswith("/"):
            raise Denied(400, "name the room: ?room=/ws/chat/lobby")
        return self.request(dialect, room)

    @property
    def host(self) -> str:
        """The server as the client calls it, without a port."""
        host = self.header("host")
        if host.startswith("["):
            return host.partition("]")[0].strip("[")
        return host.partition(":")[0]

    @property
    def _origin(self) -> str | None:
        """The Origin. Browsers leave it out where a page reads from its own server, and say so."""
        origin = self.header("origin")
        if not origin and self.header("sec-fetch-site") == "same-origin":
            return f"https://{self.header('host')}"
        return origin or None

    @property
    def _channel(self) -> Any:
        return self.http.channel


def call_of(http: HTTPRequest) -> Call:
    """The call that `http` makes. Raises Denied(400)."""
    query = http.uri.partition(b"?")[2]
    try:
        pairs = parse_qs(query.decode("ascii"), errors="strict", max_num_fields=50)
    except ValueError:
        raise Denied(400, "the query cannot be read: percent-encoded UTF-8 is needed") from None
    return Call(http, {name: values[0] for name, values in pairs.items()})
