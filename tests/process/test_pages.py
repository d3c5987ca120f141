"""The pages of a whole server: beside the sockets on one port, with and without TLS."""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import closing

import pytest
import websocket

from tests.support.server import Server, start_relay

SECONDS_TO_WAIT = 10.0
PAGES = [
    *("/", "/chat/", "/chat/%E6%97%A5%E6%9C%AC%E8%AA%9E/", "/camera/", "/camera/lab"),
    *("/healthz", "/api/asyncapi.yaml"),
]


@pytest.fixture(scope="module", params=["plain", "TLS"])
def website(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A camrelay whose pages are asked for, once without TLS and once with it."""
    options = ["--tls"] if request.param == "TLS" else []
    with start_relay(tmp_path_factory.mktemp("relay"), *options) as server:
        yield server


def connect(server: Server) -> http.client.HTTPConnection:
    """An HTTP client on `server` that trusts its development authority."""
    if not server.secure:
        return http.client.HTTPConnection("localhost", server.port, timeout=SECONDS_TO_WAIT)
    context = ssl.create_default_context(cafile=str(server.authority))
    return http.client.HTTPSConnection(
        "localhost", server.port, timeout=SECONDS_TO_WAIT, context=context
    )


def ask(server: Server, method: str, path: str) -> tuple[int, bytes]:
    """Status and body of the answer."""
    with closing(connect(server)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()


@pytest.mark.parametrize("path", PAGES)
def test_pages_and_sockets_share_a_port(website: Server, path: str) -> None:
    """While a WebSocket is open, every page is served beside it, and the socket goes on."""
    scheme, tls = ("ws", {}) if not website.secure else ("wss", {"ca_certs": website.authority})
    url = f"{scheme}://localhost:{website.port}/echo"
    with closing(websocket.create_connection(url, SECONDS_TO_WAIT, sslopt=tls)) as socket:
        status, body = ask(website, "GET", path)
        assert (status, body != b"") == (200, True)
        socket.send("still here")
        assert socket.recv() == "still here"


def test_an_answer_is_a_line_of_the_access_log(website: Server) -> None:
    """Path, status, size and peer are there; the query, where tokens travel, is not."""
    _, body = ask(website, "GET", "/chat/?token=secret")
    ask(website, "POST", "/camera/")
    website.wait_for_log(
        rf"GET /chat/ 200 {len(body)} bytes .* from (127\.0\.0\.1|\[::1\]):\d+ as "
    )
    website.wait_for_log(r"POST /camera/ 405 ")
    assert "secret" not in website.log


def test_a_body_of_a_terabyte_is_answered_without_being_read(website: Server) -> None:
    """Pages take no body: whoever announces one is refused at once, and costs nothing."""
    with closing(connect(website)) as connection:
        connection.putrequest("POST", "/chat/")
        connection.putheader("Content-Length", str(1 << 40))
        connection.endheaders()
        assert connection.getresponse().status == 405
    assert ask(website, "GET", "/healthz") == (200, b"ok\n")
