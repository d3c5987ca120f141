"""Where the master is: asked of the Sentinels before every connection.

Source: "Guidelines for Redis clients with support for Redis Sentinel",
https://redis.io/docs/latest/develop/reference/sentinel-clients/ (steps 1 and 2). Step 3, making
sure that it is the master, is the link's: it drops a Redis that turns out to be read-only.
"""

from collections.abc import Callable
from typing import Any

import hiredis
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from camrelay.redis.state import in_words
from camrelay.redis.url import Address, RedisUrl

# Seconds that one Sentinel has to answer.
ANSWER_TIMEOUT = 2.0


class NoMaster(Exception):
    """No Sentinel could say where the master is; the text tells what each of them said."""


@implementer(IStreamClientEndpoint)
class SentinelEndpoint:
    """Connects to whichever server is the master now."""

    def __init__(
        self, reactor: Any, url: RedisUrl, endpoint: Callable[[Address], IStreamClientEndpoint]
    ) -> None:
        """`endpoint` makes one for the address of a Sentinel or of the master."""
        self._reactor = reactor
        self._endpoint = endpoint
        self._sentinels = list(url.addresses)
        self._master = url.master
        self._login = _login(url)
        self._question = _packed("SENTINEL", "get-master-addr-by-name", url.master)

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Ask one Sentinel after the other, the one that knew last time first, then connect.

        Fails with NoMaster, or as the endpoint of the master does.
        """
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        complaints = []
        for address in list(self._sentinels):
            try:
                master = await self._ask(address)
            except Exception as error:
                complaints.append(f"{address}: {in_words(error)}")
                continue
            self._sentinels.remove(address)
            self._sentinels.insert(0, address)
            return await self._endpoint(master).connect(factory)
        known = "; ".join(complaints)
        raise NoMaster(f"no Sentinel knows where the master {self._master!r} is ({known})")

    async def _ask(self, address: Address) -> Address:
        asking = Factory.forProtocol(_Asking)
        asking.noisy = False
        protocol: Any = await self._endpoint(address).connect(asking)
        answer: Deferred[Address] = protocol.ask(self._login, self._question)
        try:
            return await answer.addTimeout(ANSWER_TIMEOUT, self._reactor)
        finally:
            protocol.transport.abortConnection()


def _login(url: RedisUrl) -> bytes:
    """A Sentinel that wants no password answers with an error, which does no harm."""
    credentials = [word for word in (url.username, url.password) if word]
    return _packed("AUTH", *credentials) if credentials else b""


def _packed(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded]
    return b"".join([b"*%d\r\n" % len(parts), *parts])


class _Asking(Protocol):
    """One question to one Sentinel."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._answer: Deferred[Address] = Deferred()
        self._to_skip = 0

    def ask(self, login: bytes, question: bytes) -> Deferred[Address]:
        self._to_skip = 1 if login else 0
        transport: Any = self.transport
        transport.write(login + question)
        return self._answer

    def dataReceived(self, data: bytes) -> None:
        try:
            self._read(data)
        except (hiredis.ProtocolError, ValueError):
            self._answer.errback(NoMaster("what answers there is no Sentinel"))

    def _read(self, data: bytes) -> None:
        self._reader.feed(data)
        while not self._answer.called and (reply := self._reader.gets()) is not False:
            if self._to_skip:
                self._to_skip -= 1
            else:
                self._take(reply)

    def _take(self, reply: Any) -> None:
        if isinstance(reply, list) and len(reply) == 2:
            host, port = reply
            self._answer.callback(Address(host.decode(), int(port)))
        else:
            says = "knows no such master" if reply is None else f"says {str(reply)!r}"
            self._answer.errback(NoMaster(says))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._answer.called:
            self._answer.errback(reason)
