"""Slow consumers: a phone that stops reading costs nobody anything, and comes back to what counts.

Positions are conflated for it: it gets the newest of each camera, and little that is older. Chat is
kept for it up to a bound. Then its connection is closed with 4000, and what was kept is dropped: if
it reads again in time it hears what was on its way and why it is closed; if not, it is reset.
"""

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest

from tests.support.crowd import (
    CHAT,
    POSE,
    Crowd,
    Speaker,
    Word,
    hears_nothing_more,
    read,
    read_until,
    words_of,
)
from tests.support.frames import PING, PONG, TEXT, close_frame, frame, parse_frame
from tests.support.wire import End, Wire

CAMERAS = ("anna", "ben", "cleo", "dora", "emil")

TINY = 4096
"""A receive buffer (bytes) that is soon full: the rest is for the server to deal with."""

STALE = 1000
"""More old positions than this are never in the buffers of two kernels and a TLS layer."""

MEMORY = 2 << 20
"""Bytes that the server may take for one who does not read."""

SECONDS_TO_RESET = 10.0


def publish_round(cameras: dict[str, Wire], start: int, count: int) -> list[Word]:
    """Each camera publishes so many positions, and all hear them; what was said last."""
    for who, camera in cameras.items():
        camera.send(POSE.said(who, start, start + count, padding=50))
    last = [(who, start + count - 1) for who in cameras]
    for camera in cameras.values():
        read_until(camera, POSE, last)
    return last


def is_increasing(numbers: Sequence[int]) -> bool:
    """Whether each number is greater than the one before."""
    return all(before < after for before, after in pairwise(numbers))


# Positions


def test_a_stalled_phone_comes_back_to_the_newest_positions(crowd: Crowd) -> None:
    """Of 10,000 positions it gets a few old ones and then the newest; others get all of them."""
    cameras = {who: crowd.join(POSE, "stalled") for who in CAMERAS}
    viewer = crowd.join(POSE, "stalled")
    phone = crowd.join(POSE, "stalled", receive_buffer=TINY)
    memory = crowd.server.memory
    for start in range(0, 2000, 10):
        last = publish_round(cameras, start, 10)
        words = read(viewer, POSE, 10 * len(CAMERAS))
        for who in CAMERAS:
            assert words_of(who, words) == list(range(start, start + 10))
    assert crowd.server.memory - memory < MEMORY
    words = read_until(phone, POSE, last)
    assert len(words) < STALE
    assert all(is_increasing(words_of(who, words)) for who in CAMERAS)
    assert hears_nothing_more(phone)


def test_a_phone_that_stalls_at_once_costs_no_memory(crowd: Crowd) -> None:
    """One whose buffers are full of retained positions before it has joined completely."""
    viewer, *rigs = crowd.join_many(9, POSE, "at-once")
    names = [f"camera-{number}" for number in range(60 * len(rigs))]

    def publish_all(number: int) -> list[Word]:
        for rig, first in zip(rigs, range(0, len(names), 60), strict=True):
            own = names[first : first + 60]
            rig.send(*(POSE.said(who, number, number + 1, padding=50) for who in own))
        return read(viewer, POSE, len(names))

    publish_all(0)
    phone = crowd.join(POSE, "at-once", receive_buffer=TINY)
    memory = crowd.server.memory
    for number in range(1, 60):
        last = publish_all(number)
    assert crowd.server.memory - memory < MEMORY
    assert len(read_until(phone, POSE, last)) < STALE
    assert hears_nothing_more(phone)


def test_a_camera_that_does_not_read_can_still_publish(crowd: Crowd) -> None:
    """WebSocketSharp would freeze Unity: its sends never block, and the newest arrives."""
    viewer = crowd.join(POSE, "deaf")
    camera = crowd.join(POSE, "deaf", receive_buffer=TINY)
    memory = crowd.server.memory
    for start in range(0, 20000, 1000):
        camera.send(POSE.said("deaf", start, start + 1000, padding=50))
        words = read_until(viewer, POSE, [("deaf", start + 999)])
        assert is_increasing(words_of("deaf", words))
    assert crowd.server.memory - memory < MEMORY
    words = read_until(camera, POSE, [("deaf", 19999)])
    assert is_increasing(words_of("deaf", words))
    assert hears_nothing_more(camera)


def test_pings_of_a_stalled_phone_are_answered_once(crowd: Crowd) -> None:
    """The newest of them, when it reads again (RFC 6455 section 5.5.3)."""
    cameras = {who: crowd.join(POSE, "pings") for who in CAMERAS}
    phone = crowd.join(POSE, "pings", receive_buffer=TINY)
    for start in range(0, 500, 10):
        last = publish_round(cameras, start, 10)
    for number in range(100):
        phone.send(frame(PING, b"%d" % number))
    missing, pongs = set(last), []
    while missing or not pongs:
        heard = phone.read_frame()
        if heard.opcode == PONG:
            pongs.append(heard.payload)
        else:
            missing.discard(POSE.heard(heard))
    assert pongs == [b"99"]


# Chat


def overfill(crowd: Crowd, room: str, lines: int, padding: int) -> tuple[Wire, list[Word]]:
    """A member that was sent more than is kept for it, and what was said; others hear it all."""
    publisher, listener = crowd.join_many(2, CHAT, room)
    slow = crowd.join(CHAT, room, receive_buffer=TINY)
    said = [("publisher", number) for number in range(lines)]
    for start in range(0, lines, 100):
        publisher.send(CHAT.said("publisher", start, start + 100, padding))
        for member in (publisher, listener):
            assert read(member, CHAT, 100) == said[start : start + 100]
    crowd.server.wait_for_log(f"disconnect /ws/chat/{room} .* code 4000")
    return slow, said


@pytest.mark.parametrize(("lines", "padding"), [(6000, 0), (1200, 1000)], ids=["lines", "bytes"])
def test_who_does_not_read_chat_is_closed_and_told_why(
    crowd: Crowd, lines: int, padding: int
) -> None:
    """Too many lines, or too many bytes: what was on its way, without a gap, and then 4000."""
    slow, said = overfill(crowd, f"told-{padding}", lines, padding)
    words: list[Word] = []
    while (heard := slow.read_frame()).opcode == TEXT:
        words.append(CHAT.heard(heard))
    assert words == said[: len(words)]
    assert heard.code == 4000
    assert "come back" in heard.reason
    slow.send(close_frame(4000))
    assert slow.read_end() is End.FIN


def test_who_does_not_read_the_close_either_is_reset(crowd: Crowd) -> None:
    """It is not waited for; what its own kernel had is a beginning of what was said."""
    slow, said = overfill(crowd, "reset", 6000, 0)
    assert slow.is_hung_up_on(SECONDS_TO_RESET)
    rest = bytearray(slow.drain())
    words = []
    while parsed := parse_frame(rest):
        heard, length = parsed
        words.append(CHAT.heard(heard))
        del rest[:length]
    assert words == said[: len(words)]
    assert slow.end is End.RST


# Fewer


def test_a_phone_may_ask_for_fewer_positions(crowd: Crowd) -> None:
    """Never more than five of a camera in a second, always the newest, and the last one arrives."""
    phone = crowd.join(POSE, "fewer", "?hz=5")
    camera = crowd.join(POSE, "fewer")
    began = time.monotonic()
    with Speaker(camera, POSE, "camera") as speaker:
        words = read(phone, POSE, 5)
    last = speaker.last
    if last not in words:
        words += read_until(phone, POSE, [last])
    seconds = time.monotonic() - began
    numbers = words_of("camera", words)
    assert is_increasing(numbers)
    assert len(numbers) <= 5 * seconds + 1
    assert speaker.words > 10 * len(numbers)
    assert hears_nothing_more(phone)
