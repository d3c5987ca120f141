"""Fan-out over real sockets: everything, once, in order and whole, to each and only its members."""

import signal
import threading
from collections.abc import Callable
from functools import partial

import pytest

from tests.conftest import StartRelay
from tests.support.crowd import (
    CHAT,
    PLAIN_TEXT,
    POSE,
    Crowd,
    Speaker,
    Talk,
    Word,
    hears_nothing_more,
    read,
    read_until,
    together,
    words_of,
)
from tests.support.frames import PING, PONG, TEXT, close_frame, frame, frame_head
from tests.support.wire import SECONDS_TO_WAIT, Wire, handshake

PUBLISHERS = ("anna", "ben", "cleo", "dora", "emil")
SUBSCRIBERS = 20


# Order, exactly once


@pytest.mark.parametrize(
    ("talk", "rounds", "at_once"),
    [(CHAT, 1, 800), (PLAIN_TEXT, 1, 800), (POSE, 16, 50)],
    ids=["chat", "text", "pose"],
)
def test_everyone_hears_everything_once_and_in_order(
    crowd: Crowd, talk: Talk, rounds: int, at_once: int
) -> None:
    """Five publishers at full speed: all their messages, in one order for all 25 members.

    Positions that are not read in time are conflated, and chat that is not read in time ends in
    a close. So no more is said than the server keeps, until everyone has heard it.
    """
    members = crowd.join_many(len(PUBLISHERS) + SUBSCRIBERS, talk, "order")
    all_have_heard = threading.Barrier(len(members), timeout=SECONDS_TO_WAIT)

    def take_part(member: Wire, who: str | None) -> list[Word]:
        words = []
        for start in range(0, rounds * at_once, at_once):
            if who is not None:
                member.send(talk.said(who, start, start + at_once))
            words += read(member, talk, len(PUBLISHERS) * at_once)
            all_have_heard.wait()
        assert hears_nothing_more(member)
        return words

    names = [*PUBLISHERS, *[None] * SUBSCRIBERS]
    heard = together(*map(partial, [take_part] * len(members), members, names))
    for who in PUBLISHERS:
        assert words_of(who, heard[0]) == list(range(rounds * at_once))
    assert all(words == heard[0] for words in heard)


def test_frames_stay_whole_when_the_socket_takes_only_a_part(crowd: Crowd) -> None:
    """A phone on a bad line gets whole frames in order, with answers to its pings in between.

    Its buffers are so small that nearly every write is cut short, within messages, pongs, and the
    errors that it asked for.
    """
    camera = crowd.join(CHAT, "parts")
    phone = crowd.join(CHAT, "parts", "?errors=1", receive_buffer=2048, read_at_most=300)
    words, pongs, errors = [], [], 0
    for start in range(0, 512, 64):
        camera.send(CHAT.said("camera", start, start + 64, padding=1000))
        read(camera, CHAT, 64)
        while len(words) < start + 64:
            heard = phone.read_frame()
            if heard.opcode == PONG:
                pongs.append(int(heard.payload))
            elif b'"error"' in heard.payload:
                errors += 1
            else:
                words.append(CHAT.heard(heard))
                phone.send(frame(PING, b"%d" % len(words)) if len(words) % 4 == 0 else b"")
                phone.send(frame(TEXT, b"{garbage") if len(words) % 32 == 0 else b"")
    assert words == [("camera", number) for number in range(512)]
    assert len(pongs) > 8
    assert pongs == sorted(set(pongs))
    assert errors > 8


# Joining


def test_who_joins_meanwhile_misses_nothing_from_then_on(crowd: Crowd) -> None:
    """First the retained position of each camera, then every later one, and none of them twice."""
    cameras = {who: crowd.join(POSE, "meanwhile") for who in PUBLISHERS}
    heard: dict[Wire, list[Word]] = {}

    def speak(start: int) -> None:
        for who, camera in cameras.items():
            camera.send(POSE.said(who, start, start + 20))

    speak(0)
    for start in range(20, 420, 40):
        joiner = crowd.connect()
        speak(start)
        joiner.send(handshake(POSE.path("meanwhile")))
        speak(start + 20)
        assert joiner.read_response().status == 101
        heard[joiner] = []
        last = [(who, start + 39) for who in PUBLISHERS]
        for camera in cameras.values():
            read_until(camera, POSE, last)
        for member, words in heard.items():
            words += read_until(member, POSE, last)
    for member, words in heard.items():
        for who in PUBLISHERS:
            numbers = words_of(who, words)
            assert numbers == list(range(numbers[0], 420))
        assert hears_nothing_more(member)


def test_who_joins_later_gets_the_last_position_of_each_camera(crowd: Crowd) -> None:
    """Once, and nothing older."""
    for who in PUBLISHERS:
        camera = crowd.join(POSE, "later")
        camera.send(POSE.said(who, 0, 100))
        read_until(camera, POSE, [(who, 99)])
    joiner = crowd.join(POSE, "later")
    assert sorted(read(joiner, POSE, len(PUBLISHERS))) == [(who, 99) for who in PUBLISHERS]
    assert hears_nothing_more(joiner)


# Rooms


def test_rooms_never_leak_into_each_other(crowd: Crowd) -> None:
    """Names that differ in case, in kind, or by a part: all at full speed, each hears its own."""
    rooms = [
        *((CHAT, "x"), (CHAT, "X"), (CHAT, "xx"), (CHAT, "x-"), (CHAT, "\u4e2d")),
        *((POSE, "x"), (POSE, "chat"), (PLAIN_TEXT, "x"), (PLAIN_TEXT, "camera")),
    ]

    def take_part(number: int, talk: Talk, room: str) -> None:
        publisher, subscriber = crowd.join_many(2, talk, room)
        ready.wait()
        publisher.send(talk.said(f"room-{number}", 0, 200))
        said = [(f"room-{number}", word) for word in range(200)]
        assert read(publisher, talk, 200) == said
        ready.wait()
        assert read(subscriber, talk, 200) == said
        assert hears_nothing_more(subscriber)

    ready = threading.Barrier(len(rooms), timeout=SECONDS_TO_WAIT)
    together(*(partial(take_part, number, *room) for number, room in enumerate(rooms)))


# Leaving

RUDE = {
    "half closes": Wire.finish_sending,
    "resets": Wire.reset,
    "breaks off": lambda member: member.send(frame(TEXT, b"cut off")[:-3]) or member.reset(),
    "breaks a rule": lambda member: member.send(frame(TEXT, b"\xff")),
    "says goodbye and resets": lambda member: member.send(close_frame()) or member.reset(),
}


@pytest.mark.parametrize("leave", RUDE.values(), ids=RUDE)
def test_who_leaves_in_the_middle_disturbs_nobody(
    crowd: Crowd, leave: Callable[[Wire], object]
) -> None:
    """Ten of twenty go, with everything unread, while 2,000 messages are under way."""
    publisher = crowd.join(CHAT, "middle")
    stayers, leavers = crowd.join_many(10, CHAT, "middle"), crowd.join_many(10, CHAT, "middle")
    said = [("publisher", number) for number in range(2000)]
    for number, leaver in enumerate(leavers):
        publisher.send(CHAT.said("publisher", 200 * number, 200 * number + 200))
        leave(leaver)
    for member in (publisher, *stayers):
        assert read(member, CHAT, len(said)) == said
        assert hears_nothing_more(member)


# Closing

PROVOCATIONS = {
    "bad frame": (frame(TEXT, b"hello", mask=None), 1002),
    "bad text": (frame(TEXT, b"\xff"), 1007),
    "too much": (frame_head(TEXT, 1 << 20), 1009),
    "garbage": (frame(TEXT, b"{garbage") * 1000, 4100),
    "pings": (frame(PING) * 1000, 4101),
    "goodbye": (close_frame(3000), 3000),
}


@pytest.mark.parametrize(("provocation", "code"), PROVOCATIONS.values(), ids=PROVOCATIONS)
def test_nothing_follows_a_close_frame(crowd: Crowd, provocation: bytes, code: int) -> None:
    """The room goes on at full speed, but its frames end with the close frame (section 5.5.1)."""
    leavers = crowd.join_many(10, CHAT, "close")
    with Speaker(crowd.join(CHAT, "close"), CHAT, "publisher") as publisher:
        for leaver in leavers:
            leaver.send(provocation)
        goodbyes = [leaver.read_to_close() for leaver in leavers]
        publisher.wait_for_more()
        for leaver in leavers:
            leaver.send(close_frame())
            leaver.read_end()
    assert {goodbye.code for goodbye in goodbyes} == {code}


@pytest.mark.parametrize("options", [(), ("--tls",)], ids=["plain", "tls"])
def test_nothing_follows_the_goodbye_of_a_server_that_stops(
    relay_with: StartRelay, options: tuple[str, ...]
) -> None:
    """What was said before it was told to stop is heard without a gap, then 1001, then the end."""
    with Crowd(relay_with("--message-rate", "0", *options)) as crowd:
        publisher, *members = crowd.join_many(11, CHAT, "stop")
        publisher.send(CHAT.said("publisher", 0, 2000))
        read(publisher, CHAT, 1)
        crowd.server.send_signal(signal.SIGTERM)
        publisher.send(CHAT.said("publisher", 2000, 3000))
        for member in members:
            words = []
            while (heard := member.read_frame()).opcode == TEXT:
                words.append(CHAT.heard(heard))
            assert words == [("publisher", number) for number in range(len(words))]
            assert heard.code == 1001
            member.send(close_frame(1001))
            member.read_end()
