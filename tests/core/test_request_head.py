"""What a request head must look like before any parser sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Denied
from camrelay.core.request_head import MAX_HEADERS, MAX_SIZE, read

UPGRADE = b"Upgrade: websocket"


def head(*lines: bytes, first: bytes = b"GET /echo HTTP/1.1", host: bytes = b"Host: a") -> bytes:
    """A request head as the door hands it over: without the empty line at its end."""
    return b"\r\n".join(line for line in (first, host, *lines) if line)


def refusal(data: bytes) -> Denied:
    """How `data` is refused."""
    with pytest.raises(Denied) as caught:
        read(data)
    return caught.value


@pytest.mark.parametrize(
    "line",
    [
        b"Upgrade: websocket",
        b"upgrade:websocket",
        b"UPGRADE: \t WebSocket \t ",
        b"Upgrade: h2c, websocket",
    ],
)
def test_an_upgrade_is_recognised_however_it_is_written(line: bytes) -> None:
    """Names and values of headers are compared without case and without the space around them."""
    assert read(head(line)).wants_websocket


@pytest.mark.parametrize("line", [b"", b"Upgrade: h2c", b"X-Upgrade: websocket", b"Upgrade:"])
def test_everything_else_is_for_the_pages(line: bytes) -> None:
    """A request that does not ask for a WebSocket is none."""
    assert not read(head(line)).wants_websocket


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"get / HTTP/1.1",
        b"GET echo HTTP/1.1",
        b"GET http://a/ HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET / HTTP/1.2",
        b"GET / HTTP/2.0",
        b"GET /a b HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\xe6 HTTP/1.1",
        b"GET /\n HTTP/1.1",
        b"G" * 17 + b" / HTTP/1.1",
        b"\x16\x03\x01",
    ],
)
def test_a_request_line_that_is_none_is_refused(first: bytes) -> None:
    """Only METHOD /path HTTP/1.0 or 1.1 passes, and the answer quotes what came instead."""
    refused = refusal(b"\r\n".join((first, b"Host: a")))
    assert refused.status == 400
    assert refused.text == f"not a request line: {first.decode('latin-1')!a}"


@pytest.mark.parametrize(
    "line",
    [
        b"no colon",
        b": no name",
        b"Upgrade : websocket",
        b" folded: line",
        b"\tfolded: line",
        b"na(me: value",
        b"name\xe9: value",
        b"name: a\x00b",
        b"name: a\nb: c",
        b"name: a\rb",
        b"name: \x7f",
    ],
)
def test_a_header_line_that_is_none_is_refused(line: bytes) -> None:
    """A line that a lenient parser would skip or repair is quoted and refused (RFC 9112, 5)."""
    refused = refusal(head(line))
    assert refused.status == 400
    assert refused.text == f"not a header line: {line.decode('latin-1')!a}"


@pytest.mark.parametrize("byte", [b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85"])
def test_a_byte_at_which_python_would_start_a_new_line_is_refused(byte: bytes) -> None:
    """Autobahn splits heads with str.splitlines: such a byte would smuggle a header in."""
    assert refusal(head(b"X-A: a" + byte + b"X-Forwarded-For: 6.6.6.6")).status == 400


@given(st.binary(max_size=200))
def test_no_head_that_passes_is_read_differently_by_splitlines(value: bytes) -> None:
    """For every header value that passes, the lines are the same for the lenient reader."""
    data = head(b"X-A: " + value)
    try:
        read(data)
    except Denied:
        return
    assert data.decode("latin-1").splitlines() == data.decode("latin-1").split("\r\n")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("end", [b"", b"\x01"])
@pytest.mark.parametrize("space", [b" ", b"\t", b" a", b"a \t"])
def test_a_head_full_of_space_is_read_in_no_time(space: bytes, end: bytes) -> None:
    """A pattern that tries every way to divide the space would run into the time limit here."""
    data = head(b"X: " + space * (MAX_SIZE // len(space)) + end)
    if end:
        assert refusal(data).status == 400
    else:
        assert not read(data).wants_websocket


def test_a_long_line_is_quoted_in_part() -> None:
    """The answer stays short whatever came."""
    assert refusal(head(b"x" * 5000)).text == f"not a header line: '{'x' * 60}'"


def test_there_may_be_so_many_headers() -> None:
    """As many header lines as allowed pass, the Host included."""
    assert read(head(*[b"X: y"] * (MAX_HEADERS - 2), UPGRADE)).wants_websocket


def test_more_headers_are_refused() -> None:
    """One header line more is answered with 431."""
    refused = refusal(head(*[b"X: y"] * (MAX_HEADERS - 1), UPGRADE))
    assert (refused.status, refused.text) == (431, f"more than {MAX_HEADERS} header lines")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_two_hosts_are_refused(version: bytes) -> None:
    """Which of them counts would depend on who reads it (RFC 9112, 3.2)."""
    first = b"GET / HTTP/" + version
    refused = refusal(head(b"Host: b", first=first))
    assert (refused.status, refused.text) == (400, "exactly one Host header is needed")


def test_a_host_is_needed() -> None:
    """Every HTTP/1.1 request names its host."""
    assert refusal(head(host=b"")).text == "exactly one Host header is needed"


def test_old_clients_need_no_host() -> None:
    """HTTP/1.0 did not know the header."""
    assert not read(head(first=b"GET / HTTP/1.0", host=b"")).wants_websocket


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 1", b"Content-Length: 1"),
        (b"Content-Length: 1", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"transfer-encoding: chunked"),
    ],
)
def test_a_body_has_one_length(lines: tuple[bytes, ...]) -> None:
    """Two lengths are how requests are smuggled (RFC 9112, 6.3)."""
    refused = refusal(head(*lines))
    assert (refused.status, refused.text) == (400, "the length of the body is given twice")


@pytest.mark.parametrize("length", [b"-1", b"+1", b"1_0", b"0x1", b"1 1", b"", b"1" * 17])
def test_a_length_is_made_of_digits(length: bytes) -> None:
    """What int() would take too is refused (RFC 9110, 8.6)."""
    refused = refusal(head(b"Content-Length: " + length))
    assert refused.status == 400
    assert refused.text == f"not a Content-Length: {length.decode()!a}"


@pytest.mark.parametrize("line", [b"Content-Length: 17", b"Transfer-Encoding: chunked"])
def test_a_body_with_one_length_passes(line: bytes) -> None:
    """A well-formed request with a body is for the pages to answer."""
    assert not read(head(line)).wants_websocket
