"""What nodes say to each other, as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.kinds.kind import Message
from camrelay.redis.envelope import (
    VERSION,
    Ask,
    Bye,
    Carried,
    Turn,
    Unreadable,
    from_bytes,
    node_channel,
    room_channel,
    to_bytes,
)

names = st.text(max_size=20)
publications = st.builds(
    Carried, names, names, st.booleans(), st.integers(0, 2**63), st.binary(max_size=200)
)


@given(st.builds(Turn, names, st.integers(0, 2**63), names, st.lists(publications, max_size=5)))
def test_a_turn_arrives_as_it_was_sent(turn: Turn) -> None:
    """Whatever the bytes of its messages are."""
    assert from_bytes(to_bytes(turn)) == turn


@given(st.binary(max_size=100), st.sampled_from([b"", VERSION]))
def test_bytes_of_others_are_unreadable_and_nothing_worse(data: bytes, start: bytes) -> None:
    """Nothing that comes over the wire raises anything else."""
    try:
        from_bytes(start + data)
    except Unreadable:
        return


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "version none"),
        (b"\x01" + to_bytes(Bye("a", 1))[1:], "version 01, not 02"),
        (to_bytes(Ask("a", 1, ["/room"]))[:-1], "truncated"),
        (VERSION + b"\x92\xa7unheard\x01", "unheard"),
    ],
)
def test_why_something_is_unreadable_is_said(data: bytes, why: str) -> None:
    """A version that is not ours, a part that is missing, a word that is unknown."""
    with pytest.raises(Unreadable, match=why):
        from_bytes(data)


def test_a_message_is_what_a_room_takes() -> None:
    """Body, key and whether it is binary."""
    assert Carried("p", "left", True, 7, b"\xff").message == Message(b"\xff", "left", True)


def test_channels_do_not_meet() -> None:
    """No room is called like a node, or the other way round."""
    assert room_channel("/ws/chat/日本") == "camrelay:room:/ws/chat/日本"
    assert node_channel("a1b2") == "camrelay:node:a1b2"
