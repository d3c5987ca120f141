"""The plan of a drain: who is closed when, and when clients are to come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.draining import RESTART_SECONDS, DrainPlan

FIVE_OF_TEN = DrainPlan(began=100.0, seconds=5.0, connections=10)


@pytest.mark.parametrize(
    ("now", "left"), [(100.0, 9), (100.4, 9), (100.5, 8), (102.5, 4), (104.6, 0), (105.0, 0)]
)
def test_connections_are_closed_evenly(now: float, left: int) -> None:
    """The first at once, then one every half second, and the last before the end."""
    assert FIVE_OF_TEN.most_left(now) == left


def test_no_time_means_at_once() -> None:
    """Nothing is spread over no time."""
    assert DrainPlan(began=100.0, seconds=0.0, connections=1000).most_left(100.0) == 0


def test_one_connection_is_not_kept_waiting() -> None:
    """There is nothing to spread, and nobody waits for nothing."""
    assert DrainPlan(began=100.0, seconds=60.0, connections=1).most_left(100.0) == 0


@given(
    st.floats(0.01, 3600),
    st.integers(1, 100_000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_nobody_is_to_come_back_before_the_end(
    seconds: float, connections: int, part: float, chance: float, other: float
) -> None:
    """Whenever a client is closed, its return is after the drain and the restart."""
    plan = DrainPlan(0.0, seconds, connections)
    now = part * seconds
    assert now + plan.return_in(now, chance) >= seconds + RESTART_SECONDS - 1e-6
    assert (plan.return_in(now, chance) <= plan.return_in(now, other)) or chance > other


def test_returns_are_spread_like_the_closes() -> None:
    """Chance decides, over as long a time as they leave in, and at least over a second."""
    assert FIVE_OF_TEN.return_in(103.0, 0.0) == 2.0 + RESTART_SECONDS
    assert FIVE_OF_TEN.return_in(103.0, 1.0) == 2.0 + RESTART_SECONDS + 5.0
    at_once = DrainPlan(100.0, 0.0, 10)
    assert at_once.return_in(100.0, 1.0) == RESTART_SECONDS + 1.0
    assert at_once.return_in(200.0, 0.0) == RESTART_SECONDS


def test_where_others_serve_nobody_has_to_wait() -> None:
    """A worker among others is missed by nobody: only the crowd is spread a little."""
    plan = DrainPlan(100.0, 5.0, 10, elsewhere=True)
    assert plan.return_in(101.0, 0.25) == 0.25
