"""What passes through a node, in numbers."""

import pytest

from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.limits import Rate
from camrelay.testing import ManualClock, RecordingSink
from tests.support.small_relay import position, relay_with

CAMERA = "/ws/camera/lab"
CHAT = "/ws/chat/hall"


def test_a_message_is_received_once_and_sent_to_everybody() -> None:
    """Three members, two messages."""
    relay = relay_with()
    members = [relay.connect(CHAT) for _ in range(3)]
    members[0].say({"message": "hello"})
    members[1].say({"message": "hello"})
    relay.end_turn()
    traffic = relay.relay.traffic
    assert (traffic.received, traffic.sent) == (2, 6)


def test_a_message_that_is_refused_was_received() -> None:
    """And is sent to nobody."""
    relay = relay_with()
    relay.connect(CHAT).say("garbage")
    relay.end_turn()
    assert (relay.relay.traffic.received, relay.relay.traffic.sent) == (1, 0)


@pytest.mark.parametrize("url", [CHAT, f"{CAMERA}?hz=5", "/echo"])
def test_what_members_were_sent_adds_up(url: str) -> None:
    """In all, whatever the way in which it reached them."""
    relay = relay_with()
    members = [relay.connect(url), relay.connect(url, capacity=40)]
    for x in range(5):
        members[0].say(position(x) if "camera" in url else {"message": str(x)})
        relay.end_turn()
    members[1].sink.read_again()
    relay.advance(1.0)
    sent = sum(len(member.sink.messages) for member in members)
    assert sent
    for member in members:
        member.leave()
    assert relay.relay.traffic.sent == sent
    assert sum(member.session.messages_out for member in members) == sent


def test_what_a_room_retains_is_sent_to_a_joiner() -> None:
    """One message for each camera, and the welcome where the dialect has one."""
    relay = relay_with()
    relay.connect(CAMERA).say(position(1))
    relay.end_turn()
    before = relay.relay.traffic.sent
    relay.connect(CAMERA)
    assert relay.relay.traffic.sent == before + 1
    relay.connect(CAMERA, dialect=CAMRELAY_V1)
    assert relay.relay.traffic.sent == before + 3


def test_conflated_positions_are_counted() -> None:
    """Of ten positions one that is behind gets the first, which was under way, and the last."""
    relay = relay_with()
    camera, phone = relay.connect(CAMERA), relay.connect(CAMERA, capacity=0)
    for x in range(10):
        camera.say(position(x))
        relay.end_turn()
    assert relay.relay.traffic.conflated == 8
    phone.sink.read_again()
    assert phone.documents == [position(0), position(9)]


def test_thinned_positions_are_counted() -> None:
    """Those of a camera that is too fast; the last one is said later and is none of them."""
    relay = relay_with(messages=Rate(4, 2))
    camera = relay.connect(CAMERA)
    for x in range(10):
        camera.say(position(x))
    relay.advance(10.0)
    assert relay.relay.traffic.thinned == 7
    assert len(camera.documents) == 3


def test_what_is_unread_is_told() -> None:
    """As long as it is, and of those who are still here."""
    relay = relay_with()
    speaker, deaf = relay.connect(CHAT), relay.connect(CHAT, capacity=0)
    assert relay.relay.unread() == (0, 0)
    for _ in range(3):
        speaker.say({"message": "hello"})
        relay.end_turn()
    frame = len(speaker.sink.writes[0])
    assert relay.relay.unread() == (1, 2 * frame)
    deaf.leave()
    assert relay.relay.unread() == (0, 0)


class SlowSink(RecordingSink):
    """A sink that takes its time."""

    clock: ManualClock

    def write(self, frames: bytes) -> None:
        """Half a second passes."""
        self.clock.advance(0.5)
        super().write(frames)


def test_a_fan_out_is_timed_once_a_turn() -> None:
    """However many messages and members there are."""
    relay = relay_with()
    speaker = relay.connect(CHAT)
    for _ in range(2):
        sink = SlowSink()
        sink.clock = relay.clock
        relay.relay.join(speaker.session.admission, sink)
    speaker.say({"message": "one"})
    speaker.say({"message": "two"})
    relay.end_turn()
    traffic = relay.relay.traffic
    assert (sum(traffic.fan_out.counts), sum(traffic.latency.counts)) == (1, 1)
    assert (traffic.fan_out.sum, traffic.latency.sum) == (1.0, 1.0)


def test_the_latency_begins_with_the_first_message_of_the_turn() -> None:
    """It is as long as for the message that had to wait longest."""
    relay = relay_with()
    speaker = relay.connect(CHAT)
    relay.clock.at_turn_end(lambda: relay.clock.advance(0.25))  # before the fan-out
    speaker.say({"message": "one"})
    relay.end_turn()
    traffic = relay.relay.traffic
    assert (traffic.latency.sum, traffic.fan_out.sum) == (0.25, 0.0)
