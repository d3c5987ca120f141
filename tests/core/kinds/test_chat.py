"""Chat lines: what is passed on, and everything that is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Rejected
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.kind import Message

CHAT = Chat()


@given(st.text())
def test_every_text_can_be_said(text: str) -> None:
    """Any text that UTF-8 can carry comes through, whatever language, quotes or line breaks."""
    message = CHAT.read(json.dumps({"message": text}).encode(), False, "")
    assert json.loads(message.body) == {"message": text}
    assert (message.key, message.is_binary) == ("", False)


def test_a_line_is_written_in_the_shortest_way() -> None:
    """No spaces, no escapes that are not needed, no fields that the kind does not know."""
    payload = b'{ "from": 1, "message": "\\u5143\\u6c17\\u003f", "message2": [] }'
    assert CHAT.read(payload, False, "") == Message('{"message":"元気?"}'.encode())


def test_a_name_comes_before_the_text() -> None:
    """As an earlier generation of clients expects it."""
    payload = b'{"message":"hello"}'
    assert CHAT.read(payload, False, "René") == Message('{"message":"[René] hello"}'.encode())


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "blank"),
        (b" ", "blank"),
        (b"hello", "malformed"),
        (b"{", "malformed"),
        (b'{"message":', "malformed"),
        (b'{"message":"a\nb"}', "malformed"),
        (b'{"message":"\\ud800"}', "malformed"),
        (b"[1]", "wrong-type"),
        (b"42", "wrong-type"),
        (b'"hello"', "wrong-type"),
        (b"{}", "wrong-type"),
        (b'{"text":"hello"}', "wrong-type"),
        (b'{"message":null}', "wrong-type"),
        (b'{"message":1}', "wrong-type"),
        (b'{"message":["hello"]}', "wrong-type"),
    ],
)
def test_what_is_no_chat_is_refused(payload: bytes, reason: str) -> None:
    """What closed the connection elsewhere is a refusal with a reason here."""
    with pytest.raises(Rejected) as caught:
        CHAT.read(payload, False, "")
    assert caught.value.reason == reason


def test_binary_is_refused() -> None:
    """Chat is text."""
    with pytest.raises(Rejected) as caught:
        CHAT.read(b'{"message":"hello"}', True, "")
    assert caught.value.reason == "binary"


def test_the_size_of_a_line_can_be_chosen() -> None:
    """16 KiB unless the route says otherwise."""
    assert Chat().max_size == 16384
    assert Chat(max_size=100).max_size == 100


def test_every_line_counts_and_everybody_gets_it() -> None:
    """A newer line does not replace an older one."""
    assert (CHAT.newest_counts, CHAT.private) == (False, False)
