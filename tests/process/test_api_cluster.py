"""The HTTP API of two servers that are one relay."""

from collections.abc import Iterator
from contextlib import ExitStack
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


def test_each_lists_its_own_rooms(nodes: Nodes) -> None:
    """With the members that it has itself: added up they are all."""
    may = bearer(subscribe="chat/*")
    with nodes.a.listen("/ws/chat/own") as first, nodes.b.listen("/ws/chat/own") as second:
        for stream in (first, second):
            stream.next("welcome")
        listed = [node.get("/api/rooms", may).document["rooms"] for node in nodes]
    own = {"room": "/ws/chat/own", "members": 1}
    assert [own in rooms for rooms in listed] == [True, True]
