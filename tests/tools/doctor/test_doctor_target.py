"""The URL as people write it."""

import pytest

from camrelay.core.errors import StartError
from camrelay.tools.doctor.target import Target


@pytest.mark.parametrize(
    ("written", "url", "origin"),
    [
        ("wss://relay.example", "wss://relay.example/ws/camera", "https://relay.example"),
        ("https://relay.example:443/", "wss://relay.example/ws/camera", "https://relay.example"),
        ("http://[::1]:8080/echo?a=1", "ws://[::1]:8080/echo", "http://[::1]:8080"),
        ("ws://Relay/ws/chat/räume", "ws://relay/ws/chat/r%C3%A4ume", "http://relay"),
        ("ws://relay/%C3%A4/", "ws://relay/%C3%A4/", "http://relay"),
        (
            "wss://bücher.example/x",
            "wss://xn--bcher-kva.example/x",
            "https://xn--bcher-kva.example",
        ),
    ],
)
def test_a_url_is_understood(written: str, url: str, origin: str) -> None:
    """With and without path and port, in any language."""
    target = Target.read(written)
    assert target.url == url
    assert target.origin == origin


@pytest.mark.parametrize("written", ["", "relay.example:8443", "ftp://x", "wss://", "ws://x:port"])
def test_what_is_no_url_of_a_server_is_told(written: str) -> None:
    """With an example."""
    with pytest.raises(StartError, match=r"write wss://relay\.example/ws/camera"):
        Target.read(written)


def test_the_other_spelling_of_a_path() -> None:
    """The query stays behind it."""
    assert Target.read("ws://x/a?b=c/").with_other_slash().path == "/a/?b=c/"
    assert Target.read("ws://x/a/?b=c").with_other_slash().path == "/a?b=c"


def test_the_query_is_sent_and_not_shown() -> None:
    """Tokens travel there."""
    target = Target.read("ws://x/a?token=s3cret")
    assert target.path == "/a?token=s3cret"
    assert "s3cret" not in target.url + target.shown_path + target.origin
