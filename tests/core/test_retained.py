"""What is retained for joiners: the newest of each camera, and not too much of it."""

from camrelay.core.kinds.kind import Message
from camrelay.core.publication import Publication
from camrelay.core.retained import MAX_BYTES, Retained


def position(publisher: str, frame: bytes = b"?", origin: str | None = None) -> Publication:
    """A publication whose frame matters."""
    return Publication(publisher, (publisher, ""), 0.0, Message(b""), frame, 1, origin)


def kept(*positions: Publication) -> Retained:
    """`positions`, retained one after the other."""
    retained = Retained()
    for each in positions:
        retained.keep((each.publisher, ""), each)
    return retained


def frames(retained: Retained) -> list[bytes]:
    """What a joiner gets."""
    return [each.frame for each in retained]


def test_the_newest_of_each_camera_is_kept() -> None:
    """A newer position takes the place of the older one."""
    retained = kept(position("a", b"a1"), position("b", b"b1"), position("a", b"a2"))
    assert frames(retained) == [b"b1", b"a2"]
    assert len(retained) == 2
    assert retained.get(("a", "")) == position("a", b"a2")
    assert retained.get(("c", "")) is None


def test_the_camera_that_was_silent_for_longest_is_dropped_at_the_bound() -> None:
    """A joiner never costs more than the bound, however many cameras there are."""
    half = b"x" * (MAX_BYTES // 2)
    retained = kept(position("a", half), position("b", half), position("a", half))
    assert len(retained) == 2
    retained.keep(("c", ""), position("c", b"one byte too many"))
    assert [each.publisher for each in retained] == ["a", "c"]


def test_what_was_dropped_makes_room() -> None:
    """The bound is on what is kept, not on what was ever kept."""
    most = b"x" * MAX_BYTES
    retained = kept(position("a", most))
    retained.forget(lambda each: each.publisher == "a")
    assert not len(retained)
    retained.keep(("b", ""), position("b", most))
    assert frames(retained) == [most]


def test_the_rest_is_not_forgotten() -> None:
    """Only what is over goes."""
    retained = kept(position("a", origin="n"), position("b"))
    retained.forget(lambda each: each.origin == "n")
    assert [each.publisher for each in retained] == ["b"]
