"""Two whole nodes and a Redis of their own: clients on both are in the same rooms."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from camrelay.redis.nodes import PATIENCE
from tests.support.pair import SECONDS_TO_WAIT, Pair, hear, hear_until, line, say
from tests.support.process import Process
from tests.support.server import Server, clean_environment, relay_command, start_relay
from tests.support.wire import Wire
from tests.tools.commands import run_camrelay

LAB = "/ws/camera/lab"
LOBBY = "/ws/chat/lobby"
UP = r"redis \S+ is up"


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Nodes that the tests of this file share, because nobody harms them."""
    with ExitStack() as running:
        yield Pair(tmp_path_factory.mktemp("pair"), running)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Nodes of this test's own, to be harmed."""
    with ExitStack() as running:
        yield Pair(tmp_path, running)


def position(x: float) -> dict[str, float]:
    """A position as it comes out again."""
    return {"x": float(x), "y": 0.0, "z": 0.0}


def at_once(pair: Pair, node: Server, path: str = LAB) -> list[object]:
    """What a member who joins now gets before its own first position."""
    mine = position(-1)
    with Wire(node.port, timeout=SECONDS_TO_WAIT) as member:
        member.upgrade(path)
        say(member, mine)
        return hear_until(member, mine)[:-1]


def test_a_camera_is_seen_on_the_other_node(calm: Pair) -> None:
    """Every position once and in order, also by its own viewers."""
    camera, far = calm.join(calm.a, "/ws/camera/seen"), calm.join(calm.b, "/ws/camera/seen")
    calm.wait_for_listeners("/ws/camera/seen", 2)
    for x in (-3, -2, -1):  # the far node asks what is there, and is told no more than the newest
        say(camera, position(x))
        for member in (camera, far):
            hear_until(member, position(x))
    path = [position(x) for x in range(100)]
    say(camera, *path)
    assert [hear(camera) for _ in path] == path
    assert [hear(far) for _ in path] == path


def test_who_joins_late_sees_the_cameras_of_the_other_node(calm: Pair) -> None:
    """Though they stand still, and though this node has not listened to the room so far."""
    left, right = (calm.join(calm.a, "/ws/camera/late") for _ in range(2))
    say(left, position(1), position(2))
    hear_until(right, position(2))
    say(right, position(3))
    hear_until(left, position(3))
    late = calm.join(calm.b, "/ws/camera/late")
    assert sorted([hear(late)["x"], hear(late)["x"]]) == [2, 3]


def test_a_camera_that_left_is_gone_on_the_other_node(calm: Pair) -> None:
    """Who joins there does not see it."""
    leaving, staying = (calm.join(calm.a, "/ws/camera/left") for _ in range(2))
    far = calm.join(calm.b, "/ws/camera/left")
    calm.wait_for_listeners("/ws/camera/left", 2)
    say(leaving, position(1))
    hear_until(far, position(1))
    leaving.reset()
    calm.a.wait_for_log(r"disconnect /ws/camera/left")
    say(staying, position(2))
    hear_until(far, position(2))
    assert at_once(calm, calm.b, "/ws/camera/left") == [position(2)]


def test_chat_goes_both_ways_once_and_in_order(calm: Pair) -> None:
    """Everybody hears everybody, the speaker included."""
    anna, ben = calm.join(calm.a, LOBBY), calm.join(calm.b, LOBBY)
    calm.wait_for_listeners(LOBBY, 2)
    spoken = {name: [line(f"{name} {number}") for number in range(200)] for name in ("a", "b")}
    for from_anna, from_ben in zip(spoken["a"], spoken["b"], strict=True):
        say(anna, from_anna)
        say(ben, from_ben)
    for member in (anna, ben):
        heard = [hear(member) for _ in range(400)]
        for own in spoken.values():
            assert [each for each in heard if each in own] == own


def test_a_message_can_be_published_from_the_command_line(calm: Pair) -> None:
    """Members on both nodes hear it; who makes a mistake is told."""
    members = [calm.join(node, "/ws/chat/announced") for node in (calm.a, calm.b)]
    calm.wait_for_listeners("/ws/chat/announced", 2)
    where = ("--redis", calm.redis.url)
    done = run_camrelay("publish", "/ws/chat/announced", '{"message": "lunch"}', *where)
    assert (done.returncode, done.stdout) == (0, "carried to 2 servers with members in the room\n")
    assert [hear(member) for member in members] == [line("lunch")] * 2
    done = run_camrelay("publish", "/ws/chat/nobody", '{"message": "lunch"}', *where)
    assert (done.returncode, done.stdout) == (0, "nobody is there\n")
    done = run_camrelay("publish", "/ws/chat/announced", "lunch", *where)
    assert (done.returncode, "malformed" in done.stderr) == (1, True)


def test_a_node_that_is_killed_leaves_no_ghost(pair: Pair) -> None:
    """The other node takes it for dead after the stated time, and forgets its cameras."""
    camera, far = pair.join(pair.a, LAB), pair.join(pair.b, LAB)
    say(camera, position(1))
    hear_until(far, position(1))
    assert at_once(pair, pair.b) == [position(1)]
    pair.a.send_signal(signal.SIGKILL)
    pair.b.wait_for_log(rf"node \w+ is gone: silent for {PATIENCE:.0f} s", SECONDS_TO_WAIT)
    assert at_once(pair, pair.b) == []


def test_a_node_that_is_stopped_says_goodbye(pair: Pair) -> None:
    """Nobody has to wait until it is taken for dead."""
    camera, far = pair.join(pair.a, LAB), pair.join(pair.b, LAB)
    say(camera, position(1))
    hear_until(far, position(1))
    assert hear(camera) == position(1)
    pair.a.send_signal(signal.SIGTERM)
    camera.read_close()
    pair.b.wait_for_log(r"node \w+ is gone: it stopped")
    assert at_once(pair, pair.b) == []


def test_rooms_go_on_without_redis_and_converge_afterwards(pair: Pair) -> None:
    """Local members hear each other; a chat line that was not carried is not lost in silence."""
    camera, near, far = pair.join(pair.a, LAB), pair.join(pair.a, LAB), pair.join(pair.b, LAB)
    anna, ben = pair.join(pair.a, f"{LOBBY}?errors=1"), pair.join(pair.a, LOBBY)
    say(camera, position(1))
    for member in (near, far):
        hear_until(member, position(1))
    pair.redis.kill()
    for node in (pair.a, pair.b):
        node.wait_for_log(r"redis \S+ is down: ")
    say(camera, position(2), position(3))
    assert [hear(near), hear(near)] == [position(2), position(3)]
    say(anna, line("anybody there?"))
    assert hear(ben) == line("anybody there?")
    heard = hear_until(anna, line("anybody there?"))
    error = hear(anna)
    assert error["error"]["reason"] == "not-carried", (heard, error)
    pair.a.wait_for_log(r"not carried to other nodes: [0-9]+ messages \(")
    came_down = len(pair.b.log)
    pair.redis.start()
    pair.b.wait_for_log(UP, SECONDS_TO_WAIT, came_down)
    assert hear_until(far, position(3)) in ([position(3)], [position(2), position(3)])
    assert position(3) in at_once(pair, pair.b)


def test_secrets_of_the_url_stay_secret(tmp_path: Path, pair: Pair) -> None:
    """They are neither in the log nor in what is said about a bad URL."""
    address = f"127.0.0.1:{pair.redis.port}"
    with start_relay(tmp_path / "c", REDIS_URL=f"redis://:hunter2@{address}") as node:
        node.wait_for_log(rf"redis redis://{address} is down: the URL has a password")
    assert "hunter2" not in node.log
    command = relay_command(tmp_path, "--redis", "redis://:hunter2@localhost:port")
    with Process(command, tmp_path, clean_environment()) as node:
        assert node.wait() == 1
    assert "has a port that is not a number" in node.log
    assert "hunter2" not in node.log
