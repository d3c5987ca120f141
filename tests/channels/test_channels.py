"""The promises of channels, kept by every make of them: one process, Redis, plain code."""

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater

from camrelay.channels.promises import MOST_BYTES, ChannelFull, ChannelLimits
from tests.channels.conftest import Opened
from tests.support.links import within

ODD_MESSAGES = [b"", b"007", b"\x00\xff\r\n", b"0000000000000:x", '{"a": "é"}'.encode()]
SHORT = 0.05
LONG = 10.0


@pytest_twisted.ensureDeferred
async def test_messages_come_out_as_they_went_in(opened: Opened) -> None:
    """First in, first out, and every byte as it was."""
    ends = await opened.open()
    for message in ODD_MESSAGES:
        await within(ends.near.send("jobs", message))
    received = [await within(ends.far.receive("jobs", 0)) for _ in ODD_MESSAGES]
    assert received == ODD_MESSAGES
    assert await within(ends.far.receive("jobs", 0)) is None


@pytest_twisted.ensureDeferred
async def test_channels_are_apart(opened: Opened) -> None:
    """A message reaches no other channel; a name in any spelling is the same name."""
    ends = await opened.open()
    await within(ends.near.send("cafe\u0301", b"espresso"))
    assert await within(ends.far.receive("cafe", 0)) is None
    assert await within(ends.far.receive("caf\u00e9", 0)) == b"espresso"


@pytest_twisted.ensureDeferred
async def test_who_waits_gets_the_next_message(opened: Opened) -> None:
    """A receive that came first is answered by a message that comes later."""
    ends = await opened.open()
    waiting = ends.far.receive("jobs", LONG)
    await within(ends.near.send("other", b"not this"))
    await within(ends.near.send("jobs", b"this"))
    assert await within(waiting) == b"this"


@pytest_twisted.ensureDeferred
async def test_nobody_waits_longer_than_wanted(opened: Opened) -> None:
    """After the time is over the receive is None, and takes nothing of what comes then."""
    ends = await opened.open()
    assert await within(ends.far.receive("jobs", SHORT)) is None
    await within(ends.near.send("jobs", b"later"))
    assert await within(ends.far.receive("jobs", SHORT)) == b"later"


@pytest_twisted.ensureDeferred
async def test_each_message_has_one_receiver(opened: Opened) -> None:
    """Many receivers at both ends share what comes: nothing is lost, nothing comes twice."""
    ends = await opened.open()
    receivers = [end.receive("jobs", LONG) for end in (ends.near, ends.far) for _ in range(4)]
    sent = [b"%d" % number for number in range(12)]
    await within(gatherResults([ends.near.send("jobs", message) for message in sent]))
    received = await within(gatherResults(receivers))
    left = [await within(ends.far.receive("jobs", 0)) for _ in range(4)]
    assert sorted(received + left) == sorted(sent)
    assert await within(ends.near.receive("jobs", 0)) is None


@pytest_twisted.ensureDeferred
async def test_messages_expire(opened: Opened) -> None:
    """What nobody takes in time is gone, and what is younger is not."""
    ends = await opened.open(expiry=SHORT)
    await within(ends.near.send("jobs", b"old"))
    await within(ends.near.send("jobs", b"young", ChannelLimits(expiry=LONG)))
    await deferLater(reactor, 2 * SHORT)
    assert await within(ends.far.receive("jobs", 0)) == b"young"
    assert await within(ends.far.receive("jobs", 0)) is None


@pytest_twisted.ensureDeferred
async def test_a_message_that_expires_behind_another_is_gone(opened: Opened) -> None:
    """However it stands in the queue."""
    ends = await opened.open()
    await within(ends.near.send("jobs", b"first"))
    await within(ends.near.send("jobs", b"short", ChannelLimits(expiry=SHORT)))
    await within(ends.near.send("jobs", b"last"))
    await deferLater(reactor, 2 * SHORT)
    assert await within(ends.far.receive("jobs", 0)) == b"first"
    assert await within(ends.far.receive("jobs", 0)) == b"last"


@pytest_twisted.ensureDeferred
async def test_the_sender_is_told_that_a_channel_is_full(opened: Opened) -> None:
    """What is over the capacity is refused, what was there before is kept."""
    ends = await opened.open(capacity=2)
    await within(ends.near.send("jobs", b"1"))
    await within(ends.near.send("jobs", b"2"))
    with pytest.raises(ChannelFull, match=r"'jobs' is full: 2 messages") as full:
        await within(ends.near.send("jobs", b"3"))
    assert full.value.channel == "jobs"
    await within(ends.near.send("other", b"is another channel"))
    assert await within(ends.far.receive("jobs", 0)) == b"1"
    await within(ends.near.send("jobs", b"4"))
    assert [await within(ends.far.receive("jobs", 0)) for _ in range(3)] == [b"2", b"4", None]


@pytest_twisted.ensureDeferred
async def test_expired_messages_make_room(opened: Opened) -> None:
    """A full channel that nobody listens to takes messages again after a while."""
    ends = await opened.open(capacity=2)
    await within(ends.near.send("jobs", b"1", ChannelLimits(expiry=SHORT, capacity=2)))
    await within(ends.near.send("jobs", b"2"))
    await deferLater(reactor, 2 * SHORT)
    await within(ends.near.send("jobs", b"3"))
    assert [await within(ends.far.receive("jobs", 0)) for _ in range(2)] == [b"2", b"3"]


@pytest_twisted.ensureDeferred
async def test_who_waits_does_not_count_towards_the_capacity(opened: Opened) -> None:
    """A channel with a capacity of one passes many messages to those who wait."""
    ends = await opened.open(capacity=1)
    for number in range(20):
        waiting = ends.far.receive("jobs", LONG)
        await within(ends.near.send("jobs", b"%d" % number))
        assert await within(waiting) == b"%d" % number


@pytest_twisted.ensureDeferred
async def test_a_group_reaches_its_channels(opened: Opened) -> None:
    """Each member gets the message once; who was discarded gets nothing."""
    ends = await opened.open()
    for channel in ("anna", "ben", "cleo", "anna"):
        await within(ends.near.add("all", channel))
    await within(ends.far.discard("all", "ben"))
    assert await within(ends.near.send_to_group("all", b"hello")) == (3 - 1, ())
    for channel, expected in (("anna", b"hello"), ("ben", None), ("cleo", b"hello")):
        assert await within(ends.far.receive(channel, 0)) == expected
        assert await within(ends.far.receive(channel, 0)) is None


@pytest_twisted.ensureDeferred
async def test_a_group_wakes_those_who_wait(opened: Opened) -> None:
    """A receive that waits is answered by a message to the group."""
    ends = await opened.open()
    await within(ends.far.add("all", "anna"))
    waiting = ends.far.receive("anna", LONG)
    await within(ends.near.send_to_group("all", b"hello"))
    assert await within(waiting) == b"hello"


@pytest_twisted.ensureDeferred
async def test_full_members_are_told_and_do_not_harm_the_others(opened: Opened) -> None:
    """The sender learns which channels did not take the message."""
    ends = await opened.open(capacity=1)
    for channel in ("anna", "bén"):
        await within(ends.near.add("all", channel))
    await within(ends.near.send("bén", b"occupied"))
    assert await within(ends.near.send_to_group("all", b"hello")) == (1, ("bén",))
    assert await within(ends.far.receive("anna", 0)) == b"hello"
    assert await within(ends.far.receive("bén", 0)) == b"occupied"


@pytest_twisted.ensureDeferred
async def test_an_empty_group_takes_no_message(opened: Opened) -> None:
    """Nobody is there, and the sender can see it."""
    ends = await opened.open()
    assert await within(ends.near.send_to_group("nobody", b"hello")) == (0, ())
    await within(ends.near.discard("nobody", "anna"))


@pytest_twisted.ensureDeferred
async def test_membership_expires_unless_it_is_prolonged(opened: Opened) -> None:
    """A channel whose owner is gone without a word leaves the group by itself."""
    ends = await opened.open(membership=4 * SHORT)
    await within(ends.near.add("all", "gone"))
    await deferLater(reactor, 3 * SHORT)
    await within(ends.near.add("all", "here"))
    await deferLater(reactor, 2 * SHORT)
    assert await within(ends.near.send_to_group("all", b"hello")) == (1, ())
    assert await within(ends.far.receive("here", 0)) == b"hello"


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "..", "a:b", "a/b"])
@pytest_twisted.ensureDeferred
async def test_a_name_that_cannot_be_used_is_refused(opened: Opened, name: str) -> None:
    """With the rule in the text, at every place where a name is given."""
    ends = await opened.open()
    for call in (
        lambda: ends.near.send(name, b"x"),
        lambda: ends.near.receive(name, 0),
        lambda: ends.near.add("g", name),
        lambda: ends.near.add(name, "c"),
        lambda: ends.near.discard("g", name),
        lambda: ends.near.discard(name, "c"),
        lambda: ends.near.send_to_group(name, b"x"),
    ):
        with pytest.raises(ValueError, match="use 1 to 64 letters"):
            await within(call())


@pytest.mark.parametrize("message", ["text", None, 7, bytearray(b"x"), bytes(MOST_BYTES + 1)])
@pytest_twisted.ensureDeferred
async def test_a_message_that_cannot_be_sent_is_refused(opened: Opened, message: object) -> None:
    """Only bytes, and not too many of them; the longest message passes."""
    ends = await opened.open()
    for send in (ends.near.send, ends.near.send_to_group):
        with pytest.raises(ValueError, match=r"json\.dumps|too long"):
            await within(send("jobs", message))
    longest = bytes(MOST_BYTES)
    await within(ends.near.send("jobs", longest))
    assert await within(ends.far.receive("jobs", 0)) == longest


@pytest.mark.parametrize("limits", [{"expiry": 0}, {"capacity": 0}, {"membership": -1}])
def test_limits_that_cannot_be_meant_are_refused(limits: dict[str, int]) -> None:
    """A channel that takes nothing, or for no time."""
    with pytest.raises(ValueError, match="at least"):
        ChannelLimits(**limits)
