"""How often something may happen."""

from fractions import Fraction
from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.limits import Allowance, Rate, Shares

# Powers of two: sums and quotients of these are exact, so that the model must agree to the digit.
EXACT_RATES = st.builds(
    Rate, st.sampled_from([0.25, 0.5, 1, 2, 8, 64]), st.integers(1, 20).map(float)
)
PAUSES = st.lists(st.integers(0, 4096).map(lambda count: count / 512), max_size=60)
RATES = st.builds(Rate, st.floats(0.01, 1e6), st.floats(1, 50))
TIMES = st.floats(1e3, 1e9)


class Bucket:
    """The textbook: tokens that drip in at a rate, up to the burst; an event takes one."""

    def __init__(self, rate: Rate) -> None:
        """A full bucket."""
        self._rate = rate
        self._tokens = Fraction(rate.burst)
        self._at = Fraction(0)

    def spend(self, now: float) -> bool:
        """Whether there is a token."""
        dripped = (Fraction(now) - self._at) * Fraction(self._rate.per_second)
        self._tokens = min(Fraction(self._rate.burst), self._tokens + dripped)
        self._at = Fraction(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def exhausted(rate: Rate, now: float) -> Allowance:
    """An allowance of which nothing is left at `now`."""
    allowance = Allowance(rate)
    while allowance.spend(now):
        pass
    return allowance


@given(EXACT_RATES, PAUSES)
def test_an_allowance_is_a_token_bucket(rate: Rate, pauses: list[float]) -> None:
    """One number of state decides as a bucket of tokens does, whatever the times are."""
    allowance, bucket, now = Allowance(rate), Bucket(rate), 0.0
    for pause in pauses:
        now += pause
        assert allowance.spend(now) == bucket.spend(now)


@given(RATES, TIMES)
def test_a_spender_that_waits_as_told_may_spend(rate: Rate, now: float) -> None:
    """`wait` is right to the last bit: a timer set by it never comes too early."""
    allowance = exhausted(rate, now)
    wait = allowance.wait(now)
    assert wait > 0
    assert allowance.spend(now + wait)


def test_a_spender_that_waits_less_may_not() -> None:
    """`wait` is no longer than needed."""
    allowance = exhausted(Rate(4, 2), 100.0)
    assert allowance.wait(100.0) == 0.25
    assert not allowance.spend(nextafter(100.25, 0))
    assert allowance.spend(100.25)


def test_there_is_nothing_to_wait_for_while_something_is_left() -> None:
    """A full allowance, and one that was used a little, may be spent at once."""
    allowance = Allowance(Rate(4, 2))
    assert allowance.wait(100.0) == 0
    allowance.spend(100.0)
    assert allowance.wait(100.0) == 0


def test_a_refused_event_costs_nothing() -> None:
    """Knocking all the time does not put off the next event."""
    allowance = exhausted(Rate(4, 2), 100.0)
    assert not any(allowance.spend(100.0 + count / 1000) for count in range(250))
    assert allowance.spend(100.25)


@pytest.mark.parametrize("burst", [0.0, 0.5, 1.0])
def test_one_event_is_always_allowed(burst: float) -> None:
    """A burst below one would allow nothing for ever; it counts as one."""
    allowance = Allowance(Rate(2, burst))
    assert allowance.spend(100.0)
    assert allowance.wait(100.0) == 0.5
    assert not allowance.spend(100.25)
    assert allowance.spend(100.5)


def test_a_rate_of_nothing_is_no_limit() -> None:
    """0 a second, as operators write it, lets everything through at any time."""
    allowance = Allowance(Rate(0, 0))
    assert all(allowance.spend(0.0) for _ in range(1000))
    assert allowance.wait(0.0) == 0


def test_a_rate_knows_its_pace() -> None:
    """Ten a second are 0.1 s apart; a burst of three may be 0.2 s ahead of that."""
    rate = Rate(10, 3)
    assert rate.interval == 0.1
    assert rate.slack == 0.2
    assert Rate(0, 0).slack == inf


def test_what_counts_for_several_is_taken_off_as_several() -> None:
    """It may go over the rate once; the next one waits until that is made good."""
    allowance = Allowance(Rate(10, 10))
    assert allowance.spend(100.0, 30)
    assert not allowance.spend(101.0)
    assert allowance.wait(101.0) == pytest.approx(1.1)
    assert allowance.spend(102.2)


def test_each_spender_has_a_share() -> None:
    """What one has spent does not count for another."""
    shares = Shares(Rate(1, 2))
    assert [shares.spend("anna", 100.0) for _ in range(3)] == [True, True, False]
    assert shares.spend("ben", 100.0)
    assert shares.spend("anna", 101.5)


def test_whoever_has_not_spent_for_longest_is_forgotten() -> None:
    """A crowd of strangers does not fill the memory."""
    shares = Shares(Rate(0.001, 1), most=2)
    for who in ("anna", "ben", "anna", "carla"):
        shares.spend(who, 100.0)
    assert not shares.spend("anna", 100.0)
    assert shares.spend("ben", 100.0)
