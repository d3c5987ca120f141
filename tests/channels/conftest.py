"""Channels of every make, as two ends that might be on two machines."""

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from camrelay.channels import blocking
from camrelay.channels.local import LocalChannels
from camrelay.channels.promises import ChannelLimits, Channels
from camrelay.channels.redis import RedisChannels
from tests.support.links import WatchedLink, within
from tests.support.redis import RedisServer, redis_server
from tests.support.redis_tls import trust
from tests.support.sentinel import replicated
from tests.support.worker import start_worker

__all__ = ["redis_server", "replicated", "start_worker", "trust"]


class Ends(NamedTuple):
    """Those who send, and those who receive."""

    near: Channels
    far: Channels


class OneProcess(RedisChannels):
    """Channels as a process has them, on a link that can be watched."""

    def __init__(self, url: str, limits: ChannelLimits | None) -> None:
        """Not started."""
        self.link = WatchedLink(url)
        super().__init__(reactor, self.link, limits)


Connect = Callable[..., Any]


class BlockingInThreads:
    """Plain code as a program on Twisted would have to call it."""

    def __init__(self, url: str, limits: ChannelLimits) -> None:
        """One client, which all threads share."""
        self.channels = blocking.Channels(url, limits)

    def __getattr__(self, name: str) -> Callable[..., Deferred[Any]]:
        """The method of that name, in a thread."""
        method = getattr(self.channels, name)
        return lambda *arguments, **named: deferToThread(method, *arguments, **named)


async def connected(url: str, limits: ChannelLimits | None = None) -> OneProcess:
    """Channels on a link that is up."""
    channels = OneProcess(url, limits)
    channels.startService()
    await within(channels.link.when_up())
    return channels


class Opened:
    """Opens ends, and closes them in the end."""

    def __init__(self, make: str, server: RedisServer | None) -> None:
        """`make`: local, redis, blocking, or one for each end: redis to blocking."""
        self._make = make
        self._server = server
        self._services: list[RedisChannels] = []

    async def open(self, **limits: Any) -> Ends:
        """Two ends with these limits."""
        if self._server is None:
            local = LocalChannels(reactor, ChannelLimits(**limits))
            return Ends(local, local)
        near, _, far = self._make.partition(" to ")
        return Ends(await self._end(near, limits), await self._end(far or near, limits))

    async def _end(self, make: str, limits: dict[str, Any]) -> Any:
        assert self._server is not None
        if make == "blocking":
            return BlockingInThreads(self._server.url, ChannelLimits(**limits))
        self._services.append(await connected(self._server.url, ChannelLimits(**limits)))
        return self._services[-1]

    def close(self) -> Deferred[Any]:
        """Close them."""
        return gatherResults([service.stopService() for service in self._services])


MAKES = ("local", "redis", "blocking", "redis to blocking", "blocking to redis")


@pytest_twisted.async_yield_fixture(params=MAKES)
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    """Every test that uses this runs with every make."""
    server = None if request.param == "local" else request.getfixturevalue("redis_server")
    ends = Opened(request.param, server)
    yield ends
    await within(ends.close())
