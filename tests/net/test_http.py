"""The pages over real sockets: what is served, under which headers, and what a peer cannot do."""

import http.client
import io
import re
import socket
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import NamedTuple

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource

from camrelay.net.http import make_site

SECONDS_TO_WAIT = 10.0
WEB = {f.name: f.read_bytes() for f in files("camrelay.web").iterdir() if "py" not in f.name}
HTML = "text/html; charset=utf-8"
ROOM = "/chat/%E6%97%A5%E6%9C%AC%E8%AA%9E"
KINDS_OF_ANSWER = (
    b"GET / HTTP/1.1",
    b"GET /static/style.css HTTP/1.1",
    b"GET /healthz HTTP/1.1",
    b"GET /nowhere HTTP/1.1",
    b"GET /chat/a%20b/ HTTP/1.1",
    b"POST / HTTP/1.1",
    b"BREW /pot HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"GET / HTTP/1.0",
)


class Answer(NamedTuple):
    """Everything that came until the server closed the connection."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    head: bytes
    client: str


class Website:
    """The pages on a free port, with a clock of their own."""

    def __init__(self) -> None:
        """Nothing listens yet."""
        self.clock = Clock()
        self.records: list[tuple[object, ...]] = []
        self.site = make_site(
            self.clock, Resource(), lambda answered: self.records.append(answered[1:]), 16384
        )
        self.port = 0

    async def send(self, data: bytes) -> Answer:
        """Send `data` on a new connection and read until its end."""
        raw, client = await deferToThread(_exchange, self.port, data)
        head, _, body = raw.partition(b"\r\n\r\n")
        line, _, fields = head.partition(b"\r\n")
        headers = http.client.parse_headers(io.BytesIO(fields + b"\r\n\r\n"))
        return Answer(int(line.split()[1]), headers, body, head, client)

    async def ask(self, line: bytes, *headers: bytes) -> Answer:
        """Make one request; `line` is its first line."""
        lines = [line, b"Host: relay.example:8443", *headers]
        return await self.send(b"\r\n".join(lines) + b"\r\n\r\n")

    async def get(self, path: str, *headers: bytes) -> Answer:
        """GET a percent-encoded path."""
        return await self.ask(b"GET %b HTTP/1.1" % path.encode(), *headers)


def _exchange(port: int, data: bytes) -> tuple[bytes, str]:
    with socket.create_connection(("127.0.0.1", port), SECONDS_TO_WAIT) as connection:
        connection.sendall(data)
        with connection.makefile("rb") as stream:
            return stream.read(), "{}:{}".format(*connection.getsockname())


@pytest_twisted.async_yield_fixture
async def web() -> AsyncIterator[Website]:
    """The pages, listening on loopback."""
    website = Website()
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(website.site)
    website.port = port.getHost().port
    yield website
    await port.stopListening()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "This server relays"),
        ("/chat", "Which room?"),
        ("/chat/", "Which room?"),
        (ROOM, 'id="chat-log"'),
        (f"{ROOM}/", 'id="chat-log"'),
        ("/chat/a-b_c.d/", 'id="chat-message-input"'),
        ("/camera", 'id="map"'),
        ("/camera/", 'id="map"'),
        ("/camera/lab", 'id="map"'),
        ("/camera/lab/?view=side", 'id="map"'),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_page_is_served_with_and_without_its_last_slash(
    web: Website, path: str, says: str
) -> None:
    """Every page answers directly, never with a redirect."""
    answer = await web.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, HTML)
    assert says in answer.body.decode()


@pytest_twisted.ensureDeferred
async def test_the_first_page_links_every_page_and_names_every_socket(web: Website) -> None:
    """Whoever opens the server finds everything from there."""
    body = (await web.get("/")).body.decode()
    for link in ("/camera/", "/chat/", "/healthz"):
        assert f'href="{link}"' in body
    for path in ("/ws/camera", "/ws/camera/ROOM", "/ws/chat/ROOM", "/ws/text/ROOM", "/ROOM"):
        assert f">{path}</code>" in body
    for path in ("/websock1-2/", "/echo/json", "/echo"):
        assert f">{path}</code>" in body


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("style.css", "text/css; charset=utf-8"),
        ("socket.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_static_file_is_served_under_its_type(
    web: Website, name: str, content_type: str
) -> None:
    """Browsers refuse scripts and styles of another type."""
    answer = await web.get(f"/static/{name}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)
    assert answer.body == WEB[name]


@pytest_twisted.ensureDeferred
async def test_nothing_that_a_page_or_script_names_is_missing(web: Website) -> None:
    """Each address in the files is one that this server answers."""
    named = {
        address
        for body in WEB.values()
        for address in re.findall(r'(?:(?:src|href)=|from |Worker\()"([^"]+)"', body.decode())
    }
    assert {"/static/socket.js", "/static/ticker.js", "/static/style.css", "/chat/"} <= named
    for address in named:
        assert (address, (await web.get(address)).status) == (address, 200)


@pytest_twisted.ensureDeferred
async def test_old_browsers_get_the_icon_where_they_look_for_it(web: Website) -> None:
    """/favicon.ico is asked for unasked, and must not fill the log with 404."""
    answer = await web.get("/favicon.ico")
    assert (answer.status, answer.body) == (200, WEB["icon.svg"])


@pytest_twisted.ensureDeferred
async def test_health_is_plain_text_that_nobody_keeps(web: Website) -> None:
    """/healthz says ok, freshly each time."""
    answer = await web.get("/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/static/map.js", "/nowhere", "/healthz"])
@pytest_twisted.ensureDeferred
async def test_head_answers_what_get_would_without_the_body(web: Website, path: str) -> None:
    """The headers are the same, the length included (RFC 9110 section 9.3.2)."""
    get = await web.get(path)
    head = await web.ask(b"HEAD %b HTTP/1.1" % path.encode())
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["Content-Length"] == str(len(get.body))
    assert _without_date(head) == _without_date(get)


def _without_date(answer: Answer) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers.items() if name != "Date"]


@pytest_twisted.ensureDeferred
async def test_a_page_that_the_browser_has_is_not_sent_again(web: Website) -> None:
    """If-None-Match with the ETag gives 304 without a body, and with the policy."""
    first = await web.get("/camera/")
    again = await web.get("/camera/", b"If-None-Match: %b" % first.headers["ETag"].encode())
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


@pytest_twisted.ensureDeferred
async def test_a_page_that_changed_is_sent(web: Website) -> None:
    """An ETag of something else gives the page; browsers ask each time."""
    answer = await web.get("/", b'If-None-Match: "another"')
    assert (answer.status, answer.body) == (200, WEB["index.html"])
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("line", KINDS_OF_ANSWER)
@pytest_twisted.ensureDeferred
async def test_every_answer_has_the_careful_headers(web: Website, line: bytes) -> None:
    """No sniffing, no referrer, no foreign code, no frames, and a word on caching."""
    headers = (await web.ask(line)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Connection"] == "close"
    assert headers["Cache-Control"] in ("no-cache", "no-store")
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
    assert {"base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy)


@pytest.mark.parametrize("line", [*KINDS_OF_ANSWER, b"GET  / HTTP/9"])
@pytest_twisted.ensureDeferred
async def test_no_answer_tells_what_the_server_is_made_of(web: Website, line: bytes) -> None:
    """No Server header, no name or version of a library."""
    answer = await web.ask(line)
    assert "Server" not in answer.headers
    assert not re.search(rb"twisted|python", answer.head, re.IGNORECASE)


@pytest_twisted.ensureDeferred
async def test_the_policy_allows_sockets_of_the_same_host_only(web: Website) -> None:
    """Old Safari does not take ws: and wss: for 'self', so host and port are named."""
    policy = (await web.get("/chat/")).headers["Content-Security-Policy"]
    assert "connect-src 'self' ws://relay.example:8443 wss://relay.example:8443;" in policy


@pytest.mark.parametrize(
    "host", [b"[::1]:8443", b"a.example; script-src *", b"a.example *", b"", b"*"]
)
@pytest_twisted.ensureDeferred
async def test_a_host_that_a_policy_cannot_name_is_left_out(web: Website, host: bytes) -> None:
    """Whatever the Host header says, it widens nothing."""
    answer = await web.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
    assert "connect-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "*" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", [name for name in WEB if name.endswith(".html")])
def test_no_page_holds_code_or_styles_that_the_policy_forbids(name: str) -> None:
    """Scripts and styles are files; nothing is loaded from another host."""
    page = WEB[name].decode()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
    assert re.findall(r"<script(?! type=\"module\" src=\"/static/)", page) == []
    assert re.findall(r"https?://|(?:src|href)=\"//", page) == []


@pytest.mark.parametrize(
    "path", ["/nowhere", "/chat.html", "/static/", "/static/__init__.py", "/static/../net/http.py"]
)
@pytest_twisted.ensureDeferred
async def test_an_unknown_path_is_answered_with_a_page_that_helps(web: Website, path: str) -> None:
    """404 says so in a sentence, and leads home."""
    answer = await web.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (404, HTML)
    assert "There is no page at this address." in answer.body.decode()
    assert 'href="/"' in answer.body.decode()


@pytest.mark.parametrize(
    "path",
    [
        *("/chat/a%20b/", "/camera/a%2Fb", "/chat/%2E%2E/", "/chat/caf%C3%A9!", "/camera/a/b"),
        f"/chat/{'x' * 65}/",
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_room_that_no_socket_would_open_has_no_page(web: Website, path: str) -> None:
    """400 says what a room name may be made of."""
    answer = await web.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (400, HTML)
    assert "use 1 to 64 letters and digits" in answer.body.decode()


@pytest_twisted.ensureDeferred
async def test_a_path_that_is_no_utf8_is_refused(web: Website) -> None:
    """400 says what is wrong."""
    answer = await web.get("/chat/%ff%fe/")
    assert answer.status == 400
    assert "not percent-encoded UTF-8" in answer.body.decode()


@pytest_twisted.ensureDeferred
async def test_what_a_peer_sent_is_shown_as_text(web: Website) -> None:
    """A name with markup in it stays a name."""
    body = (await web.get("/chat/%3Cscript%3Ealert(1)%3C%2Fscript%3E")).body.decode()
    assert "<script>" not in body
    assert "&lt;script&gt;" in body


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"BREW"])
@pytest_twisted.ensureDeferred
async def test_pages_can_only_be_read(web: Website, method: bytes) -> None:
    """405 names the methods that there are, also to a peer that sent a body."""
    answer = await web.send(b"%b / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" % method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("length", [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked"])
@pytest_twisted.ensureDeferred
async def test_a_long_body_is_not_waited_for(web: Website, length: bytes) -> None:
    """A peer that announces gigabytes is answered at once and fills neither memory nor disk."""
    answer = await web.ask(b"POST /chat/ HTTP/1.1", length)
    assert answer.status == 405


@pytest_twisted.ensureDeferred
async def test_a_connection_is_good_for_one_request(web: Website) -> None:
    """The second of two requests at once gets no answer, even if keep-alive was asked for."""
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
    answer = await web.send(request + request)
    assert answer.body == b"ok\n"
    assert len(web.records) == 1


@pytest_twisted.ensureDeferred
async def test_what_is_no_http_is_refused_in_words(web: Website) -> None:
    """400 with a text, and a line for the access log."""
    answer = await web.ask(b"GET / HTTP/1.1", b"Content-Length: many")
    assert (answer.status, answer.body) == (400, b"the request cannot be read as HTTP\n")
    assert web.records == [("-", "-", answer.client, 400, 0, 0.0)]


@pytest_twisted.ensureDeferred
async def test_a_request_that_never_ends_is_cut_off(web: Website) -> None:
    """After 30 seconds, counted from the start of the connection, whatever trickles in."""
    with socket.create_connection(("127.0.0.1", web.port), SECONDS_TO_WAIT) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\nslow")
        await web.get("/healthz")  # by now the server has read the above
        web.clock.advance(29)
        slow.sendall(b"ly")
        await web.get("/healthz")
        assert not _has_ended(slow)
        web.clock.advance(1)
        assert await deferToThread(_ends, slow)


def _has_ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(SECONDS_TO_WAIT)


def _ends(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest_twisted.ensureDeferred
async def test_each_answer_is_recorded_once(web: Website) -> None:
    """Method, path without its query, peer, status, size of the body, seconds."""
    page = await web.get("/chat/?token=secret")
    head = await web.ask(b"HEAD / HTTP/1.1")
    missing = await web.get("/nowhere")
    assert web.records == [
        ("GET", "/chat/", page.client, 200, len(page.body), 0.0),
        ("HEAD", "/", head.client, 200, 0, 0.0),
        ("GET", "/nowhere", missing.client, 404, len(missing.body), 0.0),
    ]
