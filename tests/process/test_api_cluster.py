"""The HTTP API of two servers that are one relay."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.api import Api, bearer, start_api
from tests.support.pair import hear, line
from tests.support.redis import RedisServer


class Nodes(NamedTuple):
    """Two servers that know each other, and keep what is said in one place."""

    a: Api
    b: Api


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """For all tests of this file."""
    with ExitStack() as running:
        redis = running.enter_context(RedisServer(tmp_path_factory.mktemp("redis")))
        options = ("--redis", redis.url, "--history", "redis")
        nodes = Nodes(
            *(
                running.enter_context(start_api(tmp_path_factory.mktemp(name), *options))
                for name in "ab"
            )
        )
        for node in nodes:
            node.server.wait_for_log(r"node \w+ is there")
        yield nodes


def test_what_is_said_at_one_is_heard_at_the_other(nodes: Nodes) -> None:
    """By members and by streams, with one place for all."""
    target = "/api/messages?room=/ws/chat/far"
    with nodes.b.listen("/ws/chat/far") as stream, nodes.b.wire() as member:
        stream.next("welcome")
        member.upgrade("/ws/chat/far")
        place = nodes.a.post(target, line("hello")).document
        assert hear(member) == line("hello")
        assert stream.next("message").id == f"{place['epoch']}:{place['offset']}"
    assert nodes.b.get(target).document["top"] == place["offset"]


def test_a_stream_goes_on_at_the_other(nodes: Nodes) -> None:
    """Behind the last event, whoever the router sends it to."""
    target = "/api/messages?room=/ws/chat/moved"
    with nodes.a.listen("/ws/chat/moved") as stream:
        stream.next("welcome")
        nodes.a.post(target, line("one"))
        last = stream.next("message").id
    nodes.a.post(target, line("two"))
    with nodes.b.listen("/ws/chat/moved", f"Last-Event-ID: {last}") as stream:
        assert stream.next("welcome").data["recovered"] is True
        assert stream.next("message").data["data"] == line("two")


def test_members_are_those_of_both(nodes: Nodes) -> None:
    """Also at one that has nobody in the room, and did not know of it."""
    with nodes.a.listen("/ws/chat/both", bearer("ann", claims={"name": "Ann"})) as stream:
        stream.next("welcome")
        found = nodes.b.get("/api/members?room=/ws/chat/both").document
    assert (found["count"], [member["user"] for member in found["members"]]) == (1, ["Ann"])


def test_each_lists_the_rooms_of_both(nodes: Nodes) -> None:
    """With all their members, and also those where nobody is on the server that is asked."""
    may = bearer(subscribe="text/*")
    with nodes.a.listen("/ws/text/one") as first, nodes.b.listen("/ws/text/one") as other:
        for stream in (first, other):
            stream.next("welcome")
        with nodes.b.listen("/ws/text/two") as stream:
            stream.next("welcome")
            listed = [node.get("/api/rooms", may).document for node in nodes]
    rooms = [{"room": "/ws/text/one", "members": 2}, {"room": "/ws/text/two", "members": 1}]
    assert listed == [{"rooms": rooms, "complete": True}] * 2


def test_without_redis_a_list_says_that_it_is_not_whole(tmp_path: Path) -> None:
    """It has the rooms of the server that is asked, and the reason."""
    may = bearer(subscribe="chat/*")
    with RedisServer(tmp_path) as redis, start_api(tmp_path / "a", "--redis", redis.url) as api:
        api.server.wait_for_log("is up")
        redis.kill()
        api.server.wait_for_log("is down: ")
        with api.listen("/ws/chat/alone") as stream:
            stream.next("welcome")
            listed = api.get("/api/rooms", may).document
            members = api.get("/api/members?room=/ws/chat/alone").document
    assert listed["rooms"] == [{"room": "/ws/chat/alone", "members": 1}]
    assert members["count"] == 1
    for answer in (listed, members):
        assert answer["complete"] is False
        assert answer["missing"].startswith("other servers cannot be reached: Redis is down: ")
