"""How often: publishers that are too fast, and subscribers that asked for fewer updates."""

from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import INTERNAL_ERROR
from camrelay.core.limits import Rate
from camrelay.testing import messages_in
from tests.support.small_relay import join_broken, position, relay_with

SECOND = 1.0
CAMERA = "/ws/camera/lab"


# publishers


def test_a_camera_that_is_too_fast_is_thinned_to_the_newest() -> None:
    """Nothing is refused: the last position waits for its turn, those before it are left out."""
    relay = relay_with(messages=Rate(4, 2))
    camera = relay.connect(f"{CAMERA}?errors=1")
    for x in range(10):
        camera.say(position(x))
    relay.end_turn()
    assert camera.documents == [position(0), position(1)]
    relay.advance(SECOND / 4)
    assert camera.documents == [position(0), position(1), position(9)]
    relay.advance(SECOND)
    assert len(camera.documents) == 3
    assert relay.journal.of("rejected") == []


def test_a_camera_that_slows_down_is_no_longer_thinned() -> None:
    """What was held back is out, and the next position leaves with its turn."""
    relay = relay_with(messages=Rate(4, 1))
    camera = relay.connect(CAMERA)
    camera.say(position(1))
    camera.say(position(2))
    relay.advance(SECOND)
    camera.say(position(3))
    relay.end_turn()
    assert camera.documents == [position(1), position(2), position(3)]


def test_the_newest_of_each_id_is_held_back() -> None:
    """Two hands on one connection do not replace each other; who waited longest goes first."""
    relay = relay_with(messages=Rate(4, 1))
    hands = relay.connect(CAMERA)
    hands.say(position(0))
    for x in range(1, 4):
        hands.say(position(x, id="left"))
        hands.say(position(x, id="right"))
    relay.advance(SECOND / 4)
    assert hands.documents[1:] == [position(3, id="left")]
    relay.advance(SECOND / 4)
    assert hands.documents[1:] == [position(3, id="left"), position(3, id="right")]


def test_what_is_held_back_when_a_camera_leaves_is_still_said() -> None:
    """The last position is where it was last, not where it was when it became too fast."""
    relay = relay_with(messages=Rate(4, 1))
    camera, viewer = relay.connect(CAMERA), relay.connect(CAMERA)
    for x in range(3):
        camera.say(position(x))
    camera.leave()
    assert viewer.documents == [position(0), position(2)]
    relay.advance(SECOND)
    assert viewer.documents == [position(0), position(2)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 32)), min_size=1, max_size=80),
    st.integers(1, 3),
)
def test_thinning_keeps_the_rate_the_order_and_the_last_word(
    said: list[tuple[str, int]], burst: int
) -> None:
    """No window of time holds more than allowed, no id goes back, its last word arrives."""
    relay = relay_with(messages=Rate(8, burst))
    camera, viewer = relay.connect(CAMERA), relay.connect(CAMERA)
    heard_at: list[float] = []
    sink, seen = viewer.sink, 0
    for number, (name, pause) in enumerate(said):
        camera.say(position(number, id=name))
        for _ in range(pause):
            relay.advance(SECOND / 64)
            heard_at += [relay.clock.now()] * len(list(messages_in(b"".join(sink.writes[seen:]))))
            seen = len(sink.writes)
    relay.advance(60 * SECOND)
    documents = viewer.documents
    for name in {name for name, _ in said}:
        numbers = [document["x"] for document in documents if document["id"] == name]
        assert numbers == sorted(numbers)
        assert numbers[-1] == max(n for n, (each, _) in enumerate(said) if each == name)
    for first, start in enumerate(heard_at):
        for last in range(first, len(heard_at)):
            allowed = burst + 8 * (heard_at[last] - start + SECOND / 64)
            assert last - first + 1 <= allowed


def test_a_flood_does_not_starve_what_is_held_back() -> None:
    """A message that comes just before its time does not take the place of the one that waits."""
    relay = relay_with(messages=Rate(4, 1))
    camera = relay.connect(CAMERA)
    for x in range(400):
        camera.say(position(x))
        relay.clock.end_turn()
        relay.advance(SECOND / 100)
    assert 15 <= len(camera.documents) <= 17


def test_without_a_limit_nothing_is_thinned() -> None:
    """0 a second lets everything through, as benchmarks want it."""
    relay = relay_with(messages=Rate(0, 0))
    camera = relay.connect(CAMERA)
    for x in range(1000):
        camera.say(position(x))
    relay.end_turn()
    assert len(camera.documents) == 1000


# subscribers


def test_a_subscriber_that_asked_for_fewer_gets_the_newest_in_its_time() -> None:
    """The first at once, then one write for each period with the newest of each camera."""
    relay = relay_with()
    camera, phone = relay.connect(CAMERA), relay.connect(f"{CAMERA}?hz=2")
    for x in range(100):
        camera.say(position(x))
        relay.advance(SECOND / 64)
    assert phone.documents == [position(0), position(31), position(63), position(95)]
    relay.advance(SECOND)
    assert phone.documents[-1] == position(99)
    assert len(phone.sink.writes) == 5
    assert len(camera.documents) == 100


def test_a_subscriber_that_has_heard_everything_is_left_alone() -> None:
    """No write without something new."""
    relay = relay_with()
    camera, phone = relay.connect(CAMERA), relay.connect(f"{CAMERA}?hz=2")
    camera.say(position(1))
    relay.advance(10 * SECOND)
    assert len(phone.sink.writes) == 1


def test_a_paced_subscriber_is_told_of_its_errors() -> None:
    """Although nobody publishes anything."""
    relay = relay_with()
    phone = relay.connect(f"{CAMERA}?hz=2&errors=1")
    phone.say("oops")
    assert len(phone.documents) == 1
    phone.say("oops")
    relay.advance(SECOND)
    assert len(phone.documents) == 2


def test_a_paced_subscriber_that_stalls_gets_the_present_when_it_reads() -> None:
    """Its time goes on meanwhile; nothing is written into a transport that takes no more."""
    relay = relay_with()
    camera, phone = relay.connect(CAMERA), relay.connect(f"{CAMERA}?hz=2", capacity=0)
    for x in range(64):
        camera.say(position(x))
        relay.advance(SECOND / 16)
    assert phone.documents == [position(0)]
    phone.sink.read_again()
    assert phone.documents == [position(0), position(63)]


def test_a_paced_subscriber_that_stalls_with_nothing_new_gets_nothing() -> None:
    """To read again is no reason for a write, nor to wait for the next position."""
    relay = relay_with()
    camera, phone = relay.connect(CAMERA), relay.connect(f"{CAMERA}?hz=2", capacity=0)
    camera.say(position(1))
    relay.end_turn()
    relay.advance(SECOND)
    phone.sink.read_again()
    assert len(phone.sink.writes) == 1
    camera.say(position(2))
    relay.end_turn()
    assert phone.documents == [position(1), position(2)]


def test_a_paced_subscriber_that_left_is_not_written_to() -> None:
    """Its timer finds nobody."""
    relay = relay_with()
    camera, phone = relay.connect(CAMERA), relay.connect(f"{CAMERA}?hz=2")
    camera.say(position(1))
    relay.end_turn()
    camera.say(position(2))
    relay.end_turn()
    phone.leave()
    relay.advance(10 * SECOND)
    assert phone.documents == [position(1)]


def test_a_paced_subscriber_that_is_broken_harms_nobody() -> None:
    """Those before and behind it get theirs, and it is noted with its cause."""
    relay = relay_with()
    first = relay.connect(f"{CAMERA}?hz=2")
    broken = join_broken(relay, f"{CAMERA}?hz=2")
    last = relay.connect(f"{CAMERA}?hz=2")
    first.say(position(1))
    relay.end_turn()
    assert first.documents == last.documents == [position(1)]
    assert broken.reason is INTERNAL_ERROR
    causes = [str(note.what) for note in relay.journal.of("failed")]
    assert causes == ["broken write", "broken close"]
