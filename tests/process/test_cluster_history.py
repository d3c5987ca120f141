"""Two whole nodes that keep what is said in Redis."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.pair import SECONDS_TO_WAIT, Pair, hear, hear_until, line, say
from tests.support.server import Server, start_relay
from tests.support.wire import Wire
from tests.tools.commands import run_camrelay

LOBBY = "/ws/chat/lobby"
V1 = "Sec-WebSocket-Protocol: camrelay.v1"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Nodes of this test's own."""
    with ExitStack() as running:
        yield Pair(tmp_path, running, "--history", "redis")


def newest(pair: Pair, node: Server, count: int) -> list[object]:
    """What who comes now is told of the past."""
    with Wire(node.port, timeout=SECONDS_TO_WAIT) as member:
        member.upgrade(f"{LOBBY}?history={count}")
        return [hear(member) for _ in range(count)]


def frames_until(member: Wire, text: str) -> list[dict[str, Any]]:
    """The messages that a camrelay.v1 client gets, up to and with `text`."""
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["data"] != line(text):
        document = json.loads(member.read_message().payload)
        if document["type"] == "message":
            heard.append(document)
    return heard


def welcome(member: Wire) -> dict[str, Any]:
    """The first word to a camrelay.v1 client."""
    document: dict[str, Any] = json.loads(member.read_message().payload)
    assert document["type"] == "welcome"
    return document


def test_everybody_hears_the_same_in_the_same_order(pair: Pair) -> None:
    """On both nodes, although everybody speaks at the same time."""
    anna, ben = pair.join(pair.a, LOBBY), pair.join(pair.b, LOBBY)
    for name, member in {"Ben": ben, "Anna": anna}.items():
        say(member, line(f"{name} is here"))
        hear_until(member, line(f"{name} is here"))
    assert hear(ben) == line("Anna is here")
    for number in range(200):
        say(anna, line(f"a {number}"))
        say(ben, line(f"b {number}"))
    heard = [[hear(member) for _ in range(400)] for member in (anna, ben)]
    assert heard[0] == heard[1]
    assert newest(pair, pair.b, 3) == heard[0][-3:]


def test_what_was_said_outlives_the_servers(pair: Pair, tmp_path: Path) -> None:
    """Also when they end without a word."""
    anna = pair.join(pair.a, LOBBY)
    for text in ("one", "two"):
        say(anna, line(text))
        hear_until(anna, line(text))
    pair.a.kill()
    pair.b.kill()
    with start_relay(tmp_path / "c", "--redis", pair.redis.url, "--history", "redis") as node:
        assert newest(pair, node, 2) == [line("one"), line("two")]


def test_a_client_goes_on_at_another_node(pair: Pair) -> None:
    """With what it missed, once and in order, when its own node was killed."""
    anna, ben = pair.join(pair.a, LOBBY), pair.join(pair.b, LOBBY)
    client = pair.enter(Wire(pair.a.port, timeout=SECONDS_TO_WAIT))
    client.upgrade(LOBBY, V1)
    there = welcome(client)
    say(anna, line("heard"))
    (last,) = frames_until(client, "heard")
    hear_until(ben, line("heard"))
    pair.a.kill()
    say(ben, line("missed"), line("missed, too"))
    hear_until(ben, line("missed, too"))
    client = pair.enter(Wire(pair.b.port, timeout=SECONDS_TO_WAIT))
    client.upgrade(f"{LOBBY}?epoch={there['epoch']}&offset={last['offset']}", V1)
    assert welcome(client)["recovered"] is True
    say(ben, line("after"))
    heard = frames_until(client, "after")
    assert [each["data"] for each in heard] == [line("missed"), line("missed, too"), line("after")]
    assert [each["offset"] - last["offset"] for each in heard] == [1, 2, 3]


def test_what_is_published_from_the_command_line_is_kept(pair: Pair) -> None:
    """In its place among what members say."""
    anna = pair.join(pair.a, LOBBY)
    say(anna, line("before"))
    hear_until(anna, line("before"))
    where = ("--redis", pair.redis.url, "--history", "redis")
    done = run_camrelay("publish", LOBBY, '{"message": "lunch"}', *where)
    assert (done.returncode, done.stdout) == (0, "carried to 1 server with members in the room\n")
    assert hear(anna) == line("lunch")
    assert newest(pair, pair.b, 2) == [line("before"), line("lunch")]


def test_without_redis_nothing_is_taken(pair: Pair) -> None:
    """Who speaks is told, and nobody hears it; afterwards everything is as before."""
    anna = pair.join(pair.a, f"{LOBBY}?errors=1")
    ben = pair.join(pair.a, LOBBY)
    say(anna, line("before"))
    hear_until(anna, line("before"))
    assert hear(ben) == line("before")
    pair.redis.kill()
    pair.a.wait_for_log(r"redis \S+ is down: ")
    say(anna, line("meanwhile"))
    while (error := hear(anna))["error"]["reason"] != "not-stored":
        continue
    assert "not stored in Redis" in error["error"]["detail"]
    down = len(pair.a.log)
    pair.redis.start()
    pair.a.wait_for_log(r"redis \S+ is up", SECONDS_TO_WAIT, down)
    pair.b.wait_for_log(r"redis \S+ is up", SECONDS_TO_WAIT)
    say(anna, line("after"))
    assert hear_until(ben, line("after")) == [line("after")]
