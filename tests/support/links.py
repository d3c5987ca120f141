"""Links to a real Redis, whose changes and messages can be waited for."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from camrelay.redis.link import RedisLink
from camrelay.redis.state import State, Status
from camrelay.redis.trust import Trust
from camrelay.redis.url import parse

SECONDS_TO_WAIT = 15.0


class WatchedLink(RedisLink):
    """A link whose changes can be waited for."""

    def __init__(self, url: str, trust: Trust | None = None) -> None:
        """`statuses`: all that were told, in order."""
        super().__init__(reactor, parse(url), trust)
        self.statuses: list[Status] = []
        self._awaited: list[tuple[State, str, Deferred[Status]]] = []
        self.observe(self._note)

    def until(self, state: State, reason: str = "") -> Deferred[Status]:
        """The first status, now or later, in this state and with `reason` in its reason."""
        found: Deferred[Status] = Deferred()
        self._awaited.append((state, reason, found))
        self._note(self.status)
        return within(found)

    def _note(self, status: Status) -> None:
        self.statuses.append(status)
        for awaited in list(self._awaited):
            state, reason, found = awaited
            if status.state is state and reason in status.reason:
                self._awaited.remove(awaited)
                found.callback(status)


def within(deferred: Deferred[Any]) -> Deferred[Any]:
    """Fail instead of waiting for ever."""
    return deferred.addTimeout(SECONDS_TO_WAIT, reactor)


async def until(condition: Callable[[], object]) -> None:
    """Let the reactor do what there is to do until `condition` holds."""
    deadline = reactor.seconds() + SECONDS_TO_WAIT
    while not condition():
        assert reactor.seconds() < deadline, "it does not become true"
        await deferLater(reactor, 0.001)


StartLink = Callable[..., WatchedLink]


@pytest_twisted.async_yield_fixture
async def start_link() -> AsyncIterator[StartLink]:
    """Start a link: `start_link(url, trust)`."""
    links: list[WatchedLink] = []

    def start(url: str, trust: Trust | None = None) -> WatchedLink:
        link = WatchedLink(url, trust)
        links.append(link)
        link.startService()
        return link

    yield start
    await gatherResults([link.stopService() for link in links if link.running])


class _Greeter(Protocol):
    def connectionMade(self) -> None:
        self.transport.write(b"220 mail.example ESMTP\r\n")


@pytest_twisted.async_yield_fixture
async def mail_server() -> AsyncIterator[int]:
    """The port of something that is not Redis."""
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(Factory.forProtocol(_Greeter))
    yield port.getHost().port
    await port.stopListening()


class Inbox:
    """A receiver that keeps what it gets."""

    def __init__(self) -> None:
        """`payloads`: all of it so far."""
        self.payloads: list[bytes] = []
        self._awaited: list[tuple[int, Deferred[None]]] = []

    def __call__(self, payload: bytes) -> None:
        """Receive one message."""
        self.payloads.append(payload)
        self._look()

    def holds(self, count: int) -> Deferred[None]:
        """Fires when `count` messages have come."""
        found: Deferred[None] = Deferred()
        self._awaited.append((count, found))
        self._look()
        return within(found)

    def _look(self) -> None:
        for awaited in list(self._awaited):
            count, found = awaited
            if len(self.payloads) >= count:
                self._awaited.remove(awaited)
                found.callback(None)
