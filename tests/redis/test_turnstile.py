"""A bound on what is under way."""

from twisted.internet.defer import Deferred, succeed

from camrelay.redis.turnstile import Turnstile


def test_few_are_in_at_a_time_and_the_others_follow_in_order() -> None:
    """Whether those who are in come to a good end or not."""
    turnstile = Turnstile(2)
    entered: list[int] = []
    ends: list[Deferred[None]] = [Deferred() for _ in range(4)]

    for number in range(4):
        turnstile.enter(lambda number=number: entered.append(number) or ends[number])  # type: ignore[misc]
    assert entered == [0, 1]
    ends[1].errback(ValueError())
    ends[1].addErrback(lambda _: None)
    assert entered == [0, 1, 2]
    ends[0].callback(None)
    assert entered == [0, 1, 2, 3]


def test_thousands_may_be_over_at_once() -> None:
    """As when Redis is gone."""
    turnstile = Turnstile(1)
    first: Deferred[None] = Deferred()
    over: list[int] = []
    turnstile.enter(lambda: first)
    for number in range(10_000):
        turnstile.enter(lambda number=number: succeed(over.append(number)))  # type: ignore[misc]
    assert over == []
    first.callback(None)
    assert over == list(range(10_000))
