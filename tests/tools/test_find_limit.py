"""The search for the limit, with results made up to measure."""

from hypothesis import given
from hypothesis import strategies as st

from camrelay.tools.bench.find_limit import MOST_STEPS, NARROW, Step, find_limit, too_much
from camrelay.tools.bench.histogram import Histogram
from camrelay.tools.bench.measure import Result
from camrelay.tools.bench.orders import Measured, Outcome
from camrelay.tools.bench.plan import Load

RECEIVERS = 10


def result(
    rate: float, *, latency_ms: float = 1, missing: int = 0, dropped: int = 0, cpu: float = 0.1
) -> Result:
    """What a run of a second at `rate` would give."""
    sent = int(rate)
    received = sent * RECEIVERS - missing
    latencies = Histogram()
    latencies.add(int(latency_ms * 1e6))
    outcome = Outcome(
        measured=Measured(seconds=1, cpu_seconds=cpu, received=received, sent=sent),
        received=received,
        expected=sent * RECEIVERS,
        fewest=sent,
        most=sent,
        dropped=dropped,
        drop_reason="",
        stalls=0,
        latest=0,
        unreadable=0,
        slow_closed=0,
    )
    return Result(Load(rate=rate), [outcome], latencies)


def objection(found: Result) -> str:
    """The usual one, with 50 ms allowed."""
    return too_much(found, RECEIVERS, 50)


@given(limit=st.floats(2, 1e6), first=st.floats(1, 100))
def test_the_limit_is_bracketed(limit: float, first: float) -> None:
    """The best rate keeps the bound, the worst breaks it, and they are within 5 % of each other."""
    steps: list[Step] = []
    found = find_limit(
        lambda rate: result(rate, latency_ms=10 if rate <= limit else 100),
        objection,
        first=first,
        least=0.5,
        watch=steps.append,
    )
    assert found.best is not None
    assert found.worst is not None
    assert found.best.rate <= limit < found.worst.rate <= found.best.rate * NARROW
    assert found.steps == steps


def test_the_search_gives_up_when_any_rate_is_too_much() -> None:
    """If even the least rate is too much, there is no best one, and the search ends."""
    found = find_limit(
        lambda rate: result(rate, latency_ms=100), objection, 8, 1, lambda step: None
    )
    assert found.best is None
    assert [step.rate for step in found.steps] == [8, 4, 2, 1]


def test_the_search_gives_up_when_nothing_is_too_much() -> None:
    """A server that takes everything ends the search by its number of steps."""
    found = find_limit(result, objection, 1, 1, lambda step: None)
    assert len(found.steps) == MOST_STEPS
    assert found.worst is None


def test_dropped_connections_end_the_search() -> None:
    """With fewer connections the figures would be those of another load."""
    found = find_limit(
        lambda rate: result(rate, dropped=1 if rate > 3 else 0),
        objection,
        first=1,
        least=1,
        watch=lambda step: None,
    )
    assert [step.rate for step in found.steps] == [1, 2, 4]
    assert found.best is not None
    assert found.best.rate == 2


def test_a_busy_client_is_to_blame() -> None:
    """When the first bad step used up the client, the limit is not the server's."""
    found = find_limit(
        lambda rate: result(rate, latency_ms=10 * rate, cpu=0.95), objection, 1, 1, lambda _: None
    )
    assert found.of_the_client


def test_every_reason_is_named() -> None:
    """Loss, falling behind, latency and dropped connections are told apart."""
    assert objection(result(100)) == ""
    assert objection(result(100, latency_ms=80)) == "p99 80.0 ms"
    assert objection(result(100, missing=3)) == "3 deliveries lost"
    assert objection(result(100, dropped=2)) == "2 connections dropped"
