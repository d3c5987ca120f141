"""Which of many equal events deserve a line in the log."""

from camrelay.core.repeats import MAX_KEYS, REMEMBERED, SECONDS, Repeats


def test_the_first_event_deserves_a_line() -> None:
    """Nothing went without a line before it."""
    assert Repeats().note("blank", 0.0) == 0


def test_an_event_soon_after_its_like_deserves_none() -> None:
    """A flood of equal events is one line."""
    repeats = Repeats()
    repeats.note("blank", 100.0)
    assert repeats.note("blank", 100.0) is None
    assert repeats.note("blank", 99.9 + SECONDS) is None


def test_the_next_line_counts_what_went_without() -> None:
    """After ten seconds the flood is told, and the count starts anew."""
    repeats = Repeats()
    for _ in range(6):
        repeats.note("blank", 100.0)
    assert repeats.note("blank", 100.0 + SECONDS) == 5
    assert repeats.note("blank", 100.0 + 2 * SECONDS) == 0


def test_events_of_different_keys_do_not_silence_each_other() -> None:
    """A flood of one kind hides nothing of another."""
    repeats = Repeats()
    repeats.note("blank", 100.0)
    assert repeats.note("binary", 100.0) == 0
    assert repeats.note("blank", 100.0) is None


def test_keys_that_peers_make_up_do_not_fill_the_memory() -> None:
    """With too many keys the oldest is forgotten: better a line too many than a leak."""
    repeats = Repeats()
    for number in range(MAX_KEYS):
        repeats.note(f"peer {number}", 100.0)
    assert repeats.note("peer 0", 100.0) is None
    assert repeats.note("one more", 100.0) == 0
    assert repeats.note("peer 1", 100.0) is None
    assert repeats.note("peer 0", 100.0) == 0


def test_what_was_long_ago_is_not_told_any_more() -> None:
    """Whoever reads the log would take it for something new; and memory is free again."""
    repeats = Repeats()
    for _ in range(6):
        repeats.note("blank", 100.0)
    repeats.note("binary", 100.0 + REMEMBERED)
    assert repeats.note("blank", 100.0 + REMEMBERED) == 5
    repeats.note("blank", 100.0 + REMEMBERED)
    later = 100.0 + 2 * REMEMBERED + SECONDS + 0.1
    repeats.note("binary", later)
    assert repeats.note("blank", later) == 0
