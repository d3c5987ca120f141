"""Who is in a room: counts and names."""

from camrelay.core.dialects.notices import Member
from camrelay.core.presence import NAMED, NOBODY, Presence, change

ANNA, BEN, CARLA = Member("1", "anna"), Member("2", "ben"), Member("3", "carla")


def test_two_nodes_make_one_crowd() -> None:
    """Counts are added, names stand side by side."""
    both = Presence(1, (ANNA,)) + Presence(2, (BEN, CARLA))
    assert both == Presence(3, (ANNA, BEN, CARLA))
    assert NOBODY + both == both


def test_a_bigger_crowd_is_counted_and_named_in_part() -> None:
    """As many as one node names."""
    many = tuple(Member(str(number)) for number in range(NAMED))
    both = Presence(NAMED, many) + Presence(2, (BEN, CARLA))
    assert (both.count, both.members) == (NAMED + 2, many)


def test_a_change_says_who_came_and_went() -> None:
    """Whoever is in both crowds did neither."""
    changed = change(Presence(2, (ANNA, BEN)), Presence(2, (BEN, CARLA)))
    assert changed == ([CARLA], [ANNA])
