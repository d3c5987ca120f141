"""Channels within one process: what only they can show, on a clock that stands still."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from camrelay.channels.local import LocalChannels
from camrelay.channels.promises import ChannelLimits


@pytest.fixture
def clock() -> Clock:
    """Time that passes when told."""
    return Clock()


@pytest.fixture
def channels(clock: Clock) -> LocalChannels:
    """Channels with the usual limits."""
    return LocalChannels(clock)


def outcome(deferred: Deferred[bytes | None]) -> list[object]:
    """What it has fired with, or nothing."""
    found: list[object] = []
    deferred.addBoth(found.append)
    return found


def test_who_came_first_gets_first(channels: LocalChannels) -> None:
    """Receivers are served in turn."""
    waiting = [outcome(channels.receive("jobs")) for _ in range(3)]
    for number in range(2):
        channels.send("jobs", b"%d" % number)
    assert waiting == [[b"0"], [b"1"], []]


def test_who_gave_up_takes_nothing(channels: LocalChannels, clock: Clock) -> None:
    """Neither after its time is over nor after it was cancelled."""
    late = outcome(channels.receive("jobs", 5))
    cancelled = channels.receive("jobs")
    heard = outcome(cancelled)
    patient = outcome(channels.receive("jobs"))
    clock.advance(5)
    cancelled.cancel()
    channels.send("jobs", b"hello")
    assert late == [None]
    assert heard[0].check(CancelledError)  # type: ignore[attr-defined]
    assert patient == [b"hello"]


def test_a_receiver_may_receive_and_send_at_once(channels: LocalChannels) -> None:
    """From within the callback that brings a message."""
    heard: list[object] = []

    def again(message: bytes | None) -> None:
        heard.append(message)
        if message != b"last":
            channels.receive("jobs").addCallback(again)
            channels.send("jobs", b"last")

    channels.receive("jobs").addCallback(again)
    channels.send("jobs", b"first")
    assert heard == [b"first", b"last"]


def test_messages_that_nobody_takes_cost_no_memory(channels: LocalChannels, clock: Clock) -> None:
    """When they have expired, not even the names of their channels are kept, and no timer runs."""
    for number in range(1000):
        channels.send(f"reply-{number}", bytes(1000))
        channels.send(f"reply-{number}", bytes(1000), ChannelLimits(expiry=90))
        channels.receive(f"other-{number}", 0)
        channels.receive(f"other-{number}", 1)
    assert len(channels._channels) == 2000
    clock.advance(60)
    assert len(channels._channels) == 1000
    clock.advance(30)
    assert not channels._channels
    assert clock.getDelayedCalls() == []


def test_a_group_that_is_left_costs_no_memory(channels: LocalChannels, clock: Clock) -> None:
    """By its last member, or because memberships have expired."""
    channels.add("a", "anna")
    channels.discard("a", "anna")
    channels.add("b", "ben")
    clock.advance(ChannelLimits().membership)
    channels.send_to_group("b", b"hello")
    assert not channels._groups
