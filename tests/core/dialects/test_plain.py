"""The dialect of unchanged clients: the bytes of the message, and errors for those who ask."""

import pytest

from camrelay.core.dialects.dialect import Publish
from camrelay.core.dialects.notices import Counted, Gap, Joined, Member, Notice, Problem
from camrelay.core.dialects.plain import PLAIN
from camrelay.core.frames import text_frame
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.kind import Message
from camrelay.core.publication import Publication

CHAT = Chat()


def test_a_publication_is_what_the_kind_made_of_it() -> None:
    """No envelope: the frame that was made when the room accepted the message."""
    said = Publication("n1-7", None, 17.5, Message(b"hello"), text_frame(b"hello"), 3, user="Anna")
    assert PLAIN.publication(CHAT, said, 18.0) == text_frame(b"hello")


@pytest.mark.parametrize(
    ("notice", "written"),
    [
        (Problem("blank", "say more", "c1"), b'{"error":{"reason":"blank","detail":"say more"}}'),
        (Gap("lost", "5f0c", 7), b'{"error":{"reason":"gap","detail":"lost"}}'),
    ],
)
def test_errors_have_a_shape(notice: Notice, written: bytes) -> None:
    """For those who asked for them."""
    assert PLAIN.notice(notice) == text_frame(written)


@pytest.mark.parametrize("notice", [Counted(3), Joined(Member("n1-7"), 3)])
def test_there_are_no_words_for_the_rest(notice: Notice) -> None:
    """An unchanged client would take them for messages."""
    assert PLAIN.notice(notice) == b""


@pytest.mark.parametrize("payload", [b"", b'{"type":"auth","token":"e30"}', b"\xff"])
def test_every_message_is_for_the_room(payload: bytes) -> None:
    """Whatever it looks like."""
    assert PLAIN.read(CHAT, payload, True) == Publish(payload, True, "")
