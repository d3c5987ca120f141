"""What shows that a process is well: its reactor's delay, and what it had to log."""

from twisted.internet.task import Clock
from twisted.logger import Logger

from camrelay.ops.log_lines import LogLines
from camrelay.ops.reactor_delay import SECONDS_BETWEEN_LOOKS, ReactorDelay


def delays(delay: ReactorDelay) -> tuple[float, float]:
    """How many, and their sum."""
    (family,) = delay.families()
    count, total = (sample.value for sample in family.samples[-2:])
    return count, total


def test_a_reactor_in_time_has_no_delay() -> None:
    """Looked at several times a second."""
    clock = Clock()
    delay = ReactorDelay(clock)
    delay.startService()
    clock.pump([SECONDS_BETWEEN_LOOKS] * 4)
    assert delays(delay) == (4, 0.0)
    delay.stopService()
    assert clock.getDelayedCalls() == []


def test_a_step_that_takes_long_is_a_delay() -> None:
    """As long as everybody had to wait, however often that happens in a row."""
    clock = Clock()
    delay = ReactorDelay(clock)
    delay.startService()
    clock.advance(SECONDS_BETWEEN_LOOKS + 2.0)
    clock.advance(SECONDS_BETWEEN_LOOKS + 2.0)
    assert delays(delay) == (2, 4.0)


def test_lines_are_counted_by_level() -> None:
    """Also those of other libraries; not before the start, and not after the end."""
    lines, log = LogLines(), Logger(namespace="somebody.else")
    log.warn("before")
    lines.startService()
    log.warn("disk is full")
    log.info("good morning")
    log.info("good evening")
    lines.stopService()
    log.warn("after")
    (family,) = lines.families()
    assert {sample.labels[0][1]: sample.value for sample in family.samples} == {
        "critical": 0,
        "debug": 0,
        "error": 0,
        "info": 2,
        "warn": 1,
    }
