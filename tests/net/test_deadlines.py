"""One timer for everybody who must be done in time."""

from camrelay.net.deadlines import Deadlines
from camrelay.testing import ManualClock


class Desk:
    """Deadlines of ten seconds, their clock, and who was late."""

    def __init__(self) -> None:
        """Nobody waits."""
        self.clock = ManualClock()
        self.late: list[str] = []
        self.deadlines = Deadlines(10.0, self.clock.now, self.late.append)

    def tick_after(self, seconds: float) -> None:
        """Look at the clock again."""
        self.clock.advance(seconds)
        self.deadlines.tick()


def test_who_is_late_is_told_once() -> None:
    """Not before its time, and not again afterwards."""
    desk = Desk()
    desk.deadlines.add("anna")
    desk.tick_after(9.5)
    assert desk.late == []
    desk.tick_after(0.5)
    assert desk.late == ["anna"]
    desk.tick_after(60.0)
    assert desk.late == ["anna"]


def test_who_was_done_in_time_is_not_late() -> None:
    """Also when it says so twice, or was never waited for."""
    desk = Desk()
    desk.deadlines.add("anna")
    for who in ("anna", "anna", "ben"):
        desk.deadlines.discard(who)
    desk.tick_after(60.0)
    assert desk.late == []


def test_everybody_has_a_time_of_its_own() -> None:
    """The oldest are late first; the others wait on."""
    desk = Desk()
    for who in ("anna", "ben", "carla"):
        desk.deadlines.add(who)
        desk.clock.advance(4.0)
    desk.tick_after(0.0)
    assert desk.late == ["anna"]
    desk.tick_after(4.0)
    assert desk.late == ["anna", "ben"]


def test_who_is_added_again_has_its_time_anew() -> None:
    """And keeps nobody waiting who came after it."""
    desk = Desk()
    desk.deadlines.add("anna")
    desk.deadlines.add("ben")
    desk.clock.advance(9.0)
    desk.deadlines.add("anna")
    desk.tick_after(1.0)
    assert desk.late == ["ben"]
    desk.tick_after(9.0)
    assert desk.late == ["ben", "anna"]


def test_who_is_late_may_take_others_along() -> None:
    """What happens then may end other waiting things, or start new ones."""
    clock, late = ManualClock(), []

    def expired(who: str) -> None:
        late.append(who)
        deadlines.discard("ben")
        deadlines.add("dora")

    deadlines = Deadlines(10.0, clock.now, expired)
    for who in ("anna", "ben", "carla"):
        deadlines.add(who)
    clock.advance(10.0)
    deadlines.tick()
    deadlines.tick()
    assert late == ["anna", "ben", "carla"]
    clock.advance(10.0)
    deadlines.tick()
    assert late[3:] == ["dora"]
