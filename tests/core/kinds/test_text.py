"""Raw text rooms."""

import pytest

from camrelay.core.errors import Rejected
from camrelay.core.kinds.kind import Message
from camrelay.core.kinds.text import Text

TEXT = Text()


@pytest.mark.parametrize("text", ["hello", " hello ", '{"message":"x"}', "元気?", "\x00", "[x] y"])
def test_any_text_is_passed_on_as_it_is(text: str) -> None:
    """Not a byte is added or taken away."""
    assert TEXT.read(text.encode(), False, "") == Message(text.encode())


def test_a_name_comes_before_the_text() -> None:
    """`?user=René` makes `[René] hello` of hello."""
    assert TEXT.read(b"hello", False, "René") == Message("[René] hello".encode())


@pytest.mark.parametrize(
    ("payload", "is_binary", "reason"),
    [(b"", False, "blank"), (b" \t\n", False, "blank"), (b"hello", True, "binary")],
)
def test_blank_and_binary_are_refused(payload: bytes, is_binary: bool, reason: str) -> None:
    """Under the reasons that every kind uses, with a name or without."""
    for user in ("", "René"):
        with pytest.raises(Rejected) as caught:
            TEXT.read(payload, is_binary, user)
        assert caught.value.reason == reason


def test_the_size_of_a_text_can_be_chosen() -> None:
    """16 KiB unless the route says otherwise."""
    assert Text().max_size == 16384
    assert Text(max_size=100).max_size == 100


def test_every_text_counts_and_everybody_gets_it() -> None:
    """A newer text does not replace an older one."""
    assert (TEXT.newest_counts, TEXT.private) == (False, False)
