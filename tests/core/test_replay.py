"""The past of a room and what is said while it is read."""

from collections.abc import Sequence

import pytest

from camrelay.core.history import Entry, Said
from camrelay.core.kinds.kind import Message
from camrelay.core.publication import Publication
from camrelay.core.replay import Replay
from camrelay.core.room import remembered


def said(*offsets: int) -> list[Publication]:
    """What has these places in a room."""
    return [
        remembered("epoch", Entry(offset, Said("anna", "", 0.0, Message(b"%d" % offset))))
        for offset in offsets
    ]


@pytest.mark.parametrize(
    ("past", "meanwhile", "heard"),
    [
        ([1, 2], [], [1, 2]),
        ([], [3, 4], [3, 4]),
        ([1, 2], [3, 4], [1, 2, 3, 4]),
        ([1, 2, 3], [3, 4], [1, 2, 3, 4]),
        ([1, 2, 3, 4], [3, 4], [1, 2, 3, 4]),
        ([3], [3], [3]),
    ],
)
def test_what_is_in_both_is_heard_once(
    past: Sequence[int], meanwhile: Sequence[int], heard: Sequence[int]
) -> None:
    """The page may have been read before or after something was said."""
    replay = Replay(1000)
    assert replay.hold(said(*meanwhile))
    assert [each.offset for each in replay.behind(said(*past))] == heard


def test_what_has_no_place_follows_upon_any_past() -> None:
    """Positions are not counted: all of them are passed on."""
    replay = Replay(1000)
    live = said(0, 0)
    replay.hold(live)
    assert replay.behind(said(7)) == said(7) + live


def test_what_is_held_is_bounded() -> None:
    """Three bytes each: the third is too much."""
    replay = Replay(7)
    assert replay.hold(said(1))
    assert replay.hold(said(2))
    assert not replay.hold(said(3))


def test_after_a_loss_no_past_fits() -> None:
    """Only what came behind the loss is heard."""
    replay = Replay(7)
    replay.hold(said(4, 5))
    assert replay.is_whole
    replay.lose()
    assert replay.hold(said(9, 10))
    assert [each.offset for each in replay.behind(said(1, 2, 3))] == [9, 10]
    assert not replay.is_whole
