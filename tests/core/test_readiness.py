"""Readiness: who may object to new clients, and what is said then."""

from camrelay.core.readiness import DRAINING, STARTING, Readiness


def test_it_starts_unready() -> None:
    """Until whoever starts the server says otherwise."""
    readiness = Readiness()
    assert readiness.state == "starting"
    assert readiness.reasons == {"starting": "the server is starting"}


def test_it_is_ready_when_no_reason_stands() -> None:
    """The last reason withdrawn makes it ready; withdrawing it once more does no harm."""
    readiness = Readiness()
    readiness.object("redis", "Redis is down")
    readiness.withdraw(STARTING)
    assert readiness.state == "not-ready"
    readiness.withdraw("redis")
    readiness.withdraw("redis")
    assert (readiness.state, dict(readiness.reasons)) == ("ready", {})


def test_whoever_wants_to_know_is_told() -> None:
    """Of every change, and of nothing else."""
    readiness = Readiness()
    states: list[str] = []
    readiness.observe(lambda: states.append(readiness.state))
    readiness.withdraw(STARTING)
    readiness.withdraw(STARTING)
    readiness.object("redis", "Redis is down")
    readiness.object("redis", "Redis is down")
    readiness.object("redis", "Redis is full")
    assert states == ["ready", "not-ready", "not-ready"]


def test_draining_is_what_counts_most() -> None:
    """Whatever else stands against it, a server that drains does not come back."""
    readiness = Readiness()
    readiness.object("redis", "Redis is down")
    readiness.object(DRAINING, "the server is going away")
    assert readiness.state == "draining"
