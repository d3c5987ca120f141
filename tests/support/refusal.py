"""What every refusal before the upgrade has to be."""

from tests.support.wire import End, Response, Wire


def refused(wire: Wire, head: bytes) -> Response:
    """The refusal of a request: short, with a text and its length, and then in order the end."""
    response = wire.request(head)
    assert 400 <= response.status < 600, response
    assert (response.header("Content-Type") or "").startswith("text/plain"), response
    assert response.header("Content-Length") is not None, response
    assert 10 < len(response.body) < 500, response
    assert b"Traceback" not in response.body
    assert response.status == 503 or b"error in the server" not in response.body
    assert response.header("Location") is None
    assert not any(letter.isdigit() for letter in response.header("Server") or "")
    assert wire.read_end() is End.FIN
    return response
