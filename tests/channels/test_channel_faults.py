"""Channels while their connections are killed again and again."""

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import LoopingCall, deferLater

from camrelay.redis.errors import LinkError
from tests.channels.conftest import OneProcess, connected
from tests.support.links import until
from tests.support.redis import RedisServer

MESSAGES = 2000
SECONDS_BETWEEN_KILLS = 0.15
RECEIVERS = 2


class Taker:
    """Receives for as long as it is let."""

    def __init__(self, channels: OneProcess) -> None:
        """`taken`: the numbers that came, in order."""
        self.channels = channels
        self.taken: list[int] = []
        self.receiving: Deferred[bytes | None] | None = None

    async def take(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                self.receiving = self.channels.receive("jobs")
                message = await self.receiving
                assert message is not None
                self.taken.append(int(message))
        except CancelledError:
            pass


async def send_all(channels: OneProcess) -> set[int]:
    """Send numbers in order; gives those of which nobody knows whether they are there."""
    unknown = set()
    for number in range(MESSAGES):
        while True:
            try:
                await channels.send("jobs", b"%d" % number)
                break
            except LinkError as error:
                if "ended before the answer" in str(error):
                    unknown.add(number)
                    break
                await deferLater(reactor, 0.01)
        await deferLater(reactor, 0.001)
    return unknown


@pytest.mark.faults
@pytest_twisted.ensureDeferred
async def test_each_message_comes_at_most_once_and_in_order(redis_server: RedisServer) -> None:
    """Whatever is killed. Lost is at most what was on its way when a connection broke."""
    processes = [await connected(redis_server.url) for _ in range(RECEIVERS + 1)]
    takers = [Taker(each) for each in processes[1:]]
    taking = [Deferred.fromCoroutine(taker.take()) for taker in takers]
    kills = 0

    def kill() -> None:
        nonlocal kills
        kills += redis_server.kick("normal")

    killing = LoopingCall(kill)
    stopped = killing.start(SECONDS_BETWEEN_KILLS)
    unknown = await send_all(processes[0])
    killing.stop()
    await stopped
    await until(lambda: redis_server.command("LLEN", "camrelay:channel:jobs") == 0)
    await deferLater(reactor, 0.5)
    for taker in takers:
        assert taker.receiving is not None
        taker.receiving.cancel()
    await gatherResults(taking)
    await gatherResults([each.stopService() for each in processes])

    taken = [number for taker in takers for number in taker.taken]
    assert len(taken) == len(set(taken))
    assert all(taker.taken == sorted(taker.taken) for taker in takers)
    lost = set(range(MESSAGES)) - set(taken) - unknown
    assert len(lost) <= kills / 10, f"{kills} connections killed, {len(lost)} messages lost"
    assert len(taken) > MESSAGES / 2
