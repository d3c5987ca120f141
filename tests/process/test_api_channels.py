"""The calls about channels: within one server, and through Redis between two."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.api import Api, bearer, head, start_api
from tests.support.redis import RedisServer, redis_server
from tests.support.wire import SECONDS_TO_WAIT, Response, Wire

__all__ = ["redis_server"]

MAY = bearer("worker", send="*", receive="*")
CAPACITY = 100


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Without Redis."""
    with start_api(tmp_path_factory.mktemp("relay")) as api:
        yield api


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One for all tests of this file that do not break it."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[list[Api]]:
    """Two servers on one Redis."""
    with ExitStack() as running:
        folders = [tmp_path_factory.mktemp(name) for name in ("a", "b")]
        nodes = [
            running.enter_context(start_api(folder, "--redis", redis.url)) for folder in folders
        ]
        for node in nodes:
            node.server.wait_for_log("is up")
        yield nodes


@pytest.fixture(params=["local", "redis"])
def ends(request: pytest.FixtureRequest) -> list[Api]:
    """Where messages go in, and where they come out: the same server, or another one."""
    if request.param == "redis":
        nodes: list[Api] = request.getfixturevalue("pair")
        return nodes
    local = request.getfixturevalue("local")
    return [local, local]


def send(api: Api, channel: str, message: bytes) -> int:
    """The status."""
    return api.post(f"/api/channels/{channel}", message, MAY).status


@contextmanager
def receiving(api: Api, channel: str, wait: int) -> Iterator[Wire]:
    """Somebody who waits for a message."""
    with api.wire(timeout=SECONDS_TO_WAIT + wait) as wire:
        wire.send(head("POST", f"/api/channels/{channel}/receive?wait={wait}", MAY, body=b""))
        yield wire


def receive(api: Api, channel: str) -> Response:
    """What is there, or a 204."""
    with receiving(api, channel, 0) as wire:
        return wire.read_response()


def test_a_message_comes_out_as_it_went_in(ends: list[Api]) -> None:
    """First in, first out, byte for byte, once."""
    said = [b"one", b"\x00\xff", b""]
    assert [send(ends[0], "jobs", message) for message in said] == [200, 200, 200]
    answers = [receive(ends[1], "jobs") for _ in said]
    assert [(answer.status, answer.body) for answer in answers] == [(200, each) for each in said]
    assert answers[0].header("Content-Type") == "application/octet-stream"
    assert receive(ends[1], "jobs").status == 204


def test_who_waits_gets_the_next_message(ends: list[Api]) -> None:
    """As soon as it is there; nobody else gets it."""
    with receiving(ends[1], "waited", 20) as wire:
        assert send(ends[0], "waited", b"hello") == 200
        answer = wire.read_response()
    assert (answer.status, answer.body) == (200, b"hello")
    assert receive(ends[1], "waited").status == 204


def test_who_waits_in_vain_is_told(ends: list[Api]) -> None:
    """204, once the time is over."""
    with receiving(ends[1], "empty", 1) as wire:
        answer = wire.read_response()
    assert (answer.status, answer.body) == (204, b"")


def test_who_goes_away_takes_nothing(ends: list[Api]) -> None:
    """What comes later is for those who are still there."""
    for number in range(5):
        with receiving(ends[1], "deserted", 20) as wire:
            wire.finish_sending()
            assert wire.is_hung_up_on(SECONDS_TO_WAIT)  # the server has noticed
        message = f"{number}".encode()
        assert send(ends[0], "deserted", message) == 200
        with receiving(ends[1], "deserted", 20) as wire:
            assert wire.read_response().body == message


def test_a_full_channel_says_so(ends: list[Api]) -> None:
    """To whoever sends one more; when one is taken there is room again."""
    for number in range(CAPACITY):
        assert send(ends[0], "full", f"{number}".encode()) == 200
    assert ends[0].post("/api/channels/full", b"more", MAY).code == (503, "full")
    assert receive(ends[1], "full").body == b"0"
    assert send(ends[0], "full", b"more") == 200


def test_a_name_means_one_channel_however_it_is_spelled(ends: list[Api]) -> None:
    """In the address and in the grants."""
    assert ends[0].post("/api/channels/cafe%CC%81", b"x", bearer(send="caf\u00e9")).status == 200
    assert receive(ends[1], "caf%C3%A9").body == b"x"


@pytest.mark.parametrize(
    ("target", "header", "code"),
    [
        ("jobs", "X-No: token", (401, "not-signed-in")),
        ("jobs", bearer(), (403, "not-allowed")),
        ("jobs", bearer(receive="jobs"), (403, "not-allowed")),
        ("jobs", bearer(send="other"), (403, "not-allowed")),
        ("jobs/receive", bearer(send="jobs"), (403, "not-allowed")),
        ("a%20b", MAY, (400, "bad-request")),
        ("a%2Fb", MAY, (400, "bad-request")),
        ("..", MAY, (400, "bad-request")),
        ("%7Bchannel%7D", MAY, (400, "bad-request")),
        ("", MAY, (404, "not-found")),
        ("jobs/receive?wait=26", MAY, (400, "bad-request")),
        ("jobs/receive?wait=1.5", MAY, (400, "bad-request")),
    ],
)
def test_who_may_not_is_refused(
    local: Api, target: str, header: str, code: tuple[int, str]
) -> None:
    """Channels are for those whose tokens grant them, by name."""
    assert local.post(f"/api/channels/{target}", b"x", header).code == code


def test_a_message_that_no_channel_takes_is_refused(tmp_path: Path) -> None:
    """Also where the server takes longer bodies."""
    with start_api(tmp_path, "--max-message-size", str(3 << 20)) as api:
        answer = api.post("/api/channels/jobs", b"x" * ((1 << 20) + 1), MAY)
        assert answer.code == (413, "too-large")


def test_without_redis_there_is_no_answer_but_that(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """At once, for who sends; who waits goes on waiting, and gets what comes when it is back."""
    with start_api(tmp_path, "--redis", redis_server.url) as api:
        api.server.wait_for_log("is up")
        with receiving(api, "jobs", 20) as wire:
            wait_for_receiver(redis_server)
            redis_server.kill()
            api.server.wait_for_log("is down|lost")
            assert api.post("/api/channels/jobs", b"x", MAY).code == (503, "no-queue")
            redis_server.start()
            deadline = time.monotonic() + SECONDS_TO_WAIT
            while send(api, "jobs", b"back") != 200:
                assert time.monotonic() < deadline, "it never takes a message again"
            assert wire.read_response().body == b"back"


def wait_for_receiver(redis: RedisServer) -> None:
    """Until somebody waits in Redis."""
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while not any("cmd=bl" in line for line in redis.clients()):
        assert time.monotonic() < deadline, redis.clients()
