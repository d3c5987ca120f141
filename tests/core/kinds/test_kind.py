"""The interface of a kind."""

import pytest

from camrelay.core.errors import Rejected
from camrelay.core.kinds.kind import Kind, Message, refuse_binary


class Shout:
    """The example of the documentation."""

    newest_counts = False
    private = False
    is_json = False
    max_size = 4096

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The text in capitals."""
        return Message(refuse_binary(payload, is_binary).upper())


def test_a_kind_of_ones_own_needs_no_base_class() -> None:
    """Three attributes and a method make a kind."""
    kind: Kind = Shout()
    assert kind.read(b"hello", False, "") == Message(b"HELLO", key="", is_binary=False)


def test_text_passes() -> None:
    """The payload of a text message is given back."""
    assert refuse_binary(b" hello ", False) == b" hello "


@pytest.mark.parametrize("payload", [b"", b"hello", b'{"x":1}'])
def test_binary_is_refused(payload: bytes) -> None:
    """Whatever it holds, and before anything else is said about it."""
    with pytest.raises(Rejected) as caught:
        refuse_binary(payload, True)
    assert str(caught.value) == "binary: send a text message, not a binary one"


@pytest.mark.parametrize("payload", [b"", b" ", b"\n", b" \t\r\n"])
def test_blank_is_refused(payload: bytes) -> None:
    """Nothing, and nothing but white space."""
    with pytest.raises(Rejected) as caught:
        refuse_binary(payload, False)
    assert str(caught.value) == "blank: the message is empty"
