"""The link to Redis, used by everything else: commands, scripts, waiting, subscriptions.

    link = RedisLink(reactor, parse("redis://localhost"))
    link.startService()
    await link.when_up()
    await link.subscribe(b"news", print)
    await link.publish(b"news", b"hello")

Order: commands are carried out in the order of the calls; so are publishes. Messages of one
channel arrive in the order in which Redis got them. Loss: while the link is down, commands fail
at once with NotSent, and messages to subscribers are missed; nothing is kept or repeated.
When the link is up again, all subscriptions have been renewed.

Failures of commands are NotSent, Unanswered or Refused: see camrelay.redis.errors.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.logger import Logger

from camrelay.redis.command import Word
from camrelay.redis.connection import WRITE_NOTHING, Command, Connection
from camrelay.redis.endpoint import endpoint_for
from camrelay.redis.errors import NotSent, Refused
from camrelay.redis.gate import Gate
from camrelay.redis.protocol import CommandProtocol, SubscriberProtocol
from camrelay.redis.state import State, Status, in_words
from camrelay.redis.subscriptions import Receiver, Subscriptions
from camrelay.redis.trust import Trust
from camrelay.redis.url import RedisUrl

Observer = Callable[[Status], None]
NOT_YET = "not connected yet"
CLOSED = "the link was closed"

_log = Logger(namespace="camrelay")


class RedisLink(Service):
    """Two connections to one Redis, and a third one for commands that wait."""

    def __init__(self, reactor: Any, url: RedisUrl, trust: Trust | None = None) -> None:
        """Nothing is connected before startService. Raises StartError for a bad authority file."""
        self._url = url
        self._status = Status(State.CONNECTING)
        self._observers: list[Observer] = []
        self._came_up = Gate()
        self._trouble: Refused | None = None
        self._subscriptions = Subscriptions()
        self._stands = False  # every subscription does

        receive = self._subscriptions.receive
        commanding = partial(CommandProtocol, clock=reactor)
        listening = partial(SubscriberProtocol, clock=reactor, receive=receive)
        endpoint = endpoint_for(reactor, url, trust)
        self._commands = Connection(reactor, endpoint, commanding, self)
        self._listening = Connection(reactor, endpoint, listening, self)
        self._waiting = Connection(reactor, endpoint, commanding, self)
        self._waiting_opened = Gate()
        self._commands.heartbeat = WRITE_NOTHING
        for connection in self._all():
            connection.greeting = greeting(url)

    def startService(self) -> None:
        """Connect, and stay connected."""
        super().startService()
        self._commands.start()
        self._listening.start()

    def stopService(self) -> Deferred[Any]:
        """Close all connections. Commands under way are still sent, but fail with Unanswered."""
        super().stopService()
        closed = gatherResults([connection.stop() for connection in self._all()])
        for gate in (self._came_up, self._waiting_opened):
            gate.close(NotSent(CLOSED))
        self._is_now(Status(State.DOWN, CLOSED))
        return closed

    def _all(self) -> tuple[Connection, ...]:
        return (self._commands, self._listening, self._waiting)

    # State

    @property
    def status(self) -> Status:
        """How the link is, and why."""
        return self._status

    @property
    def state(self) -> State:
        """How the link is."""
        return self._status.state

    def observe(self, observer: Observer) -> None:
        """Call `observer(status)` at every change from now on."""
        self._observers.append(observer)

    def when_up(self) -> Deferred[None]:
        """Fires when the state is UP, now or later. Fails with NotSent when the link is closed."""
        return succeed(None) if self.state is State.UP else self._came_up.wait()

    # Commands

    def channel(self, name: bytes) -> bytes:
        """What the channel `name` is called on the server, for a script that publishes."""
        return self._url.channel(name)

    def publish(self, channel: bytes, payload: bytes) -> Deferred[int]:
        """Send to all subscribers of `channel`; fires with the number of them."""
        return self.execute("PUBLISH", self.channel(channel), payload)

    def execute(self, *words: Word) -> Deferred[Any]:
        """Send any command that is answered at once. Fires with bytes, an int, a list or None.

        At most 8 MiB of commands may be under way; one on top of that fails with NotSent.
        """
        if self._commands.protocol is None:
            return fail(NotSent(self._commands.reason or NOT_YET))
        answer: Deferred[Any] = self._commands.protocol.execute(*words)
        return answer

    def evaluate(
        self, script: bytes, keys: Sequence[bytes] = (), arguments: Sequence[Word] = ()
    ) -> Deferred[Any]:
        """Run a Lua script; otherwise as `execute`."""
        if self._commands.protocol is None:
            return fail(NotSent(self._commands.reason or NOT_YET))
        answer: Deferred[Any] = self._commands.protocol.evaluate(script, keys, arguments)
        return answer

    def blocking(self, seconds: float, *words: Word) -> Deferred[Any]:
        """Send a command, such as BLPOP, that Redis itself answers after up to `seconds`.

        These have a connection of their own. Redis carries out one after the other, so let only
        one wait at a time. First this waits until there is a connection, however long that takes.
        To cancel ends the connection: that is how Redis knows.
        """
        if not self._waiting.is_started:
            self._waiting.start()
        if self._waiting.protocol is None:
            opened = self._waiting_opened.wait()
            return opened.addCallback(lambda _: self.blocking(seconds, *words))
        answer: Deferred[Any] = self._waiting.protocol.execute_waiting(seconds, *words)
        return answer

    # Subscriptions

    def subscribe(self, channel: bytes, receiver: Receiver) -> Deferred[bool]:
        """Call `receiver(payload)` with every message of `channel` until `unsubscribe`.

        Fires with True when Redis has confirmed it, even if that takes several connections, and
        with False if it was unsubscribed before or is not permitted; it never fails. From then
        on the subscription stands whenever the state is UP; after another state messages may
        have been missed. Raises ValueError when the channel has a receiver.
        """
        return self._subscriptions.add(self._url.channel(channel), receiver)

    def unsubscribe(self, channel: bytes) -> None:
        """`receiver` is not called again."""
        self._subscriptions.remove(self._url.channel(channel))

    # Told by the connections

    def opened(self, connection: Connection) -> None:
        """Redis has let us in."""
        if connection is self._waiting:
            self._waiting_opened.open()
        elif connection is self._listening:
            protocol = connection.protocol
            self._subscriptions.attach(protocol).addCallback(self._subscribed, protocol)
        self._is_now(self._judged())

    def _subscribed(self, is_answered: bool, protocol: Any) -> None:
        if is_answered and self._listening.protocol is protocol:
            self._stands = True
            self._is_now(self._judged())

    def lost(self, connection: Connection) -> None:
        """A connection is over, or could not be made."""
        if connection is self._listening:
            self._subscriptions.detach()
            self._stands = False
        self._is_now(self._judged())

    def noticed(self, connection: Connection, error: Refused | None) -> None:
        """Redis takes no writes, or does again."""
        if connection is not self._commands:
            return
        self._trouble = error
        if error is not None and error.code == "READONLY" and self._url.master:
            for each in self._all():  # it was the master once: ask the Sentinels again
                each.drop(in_words(error))
        self._is_now(self._judged())

    def _judged(self) -> Status:
        reasons = [each.reason for each in (self._commands, self._listening) if each.reason]
        if reasons:
            return Status(State.DOWN, reasons[0])
        if self._commands.protocol is None or not self._stands:
            return self._status  # not there yet
        if self._trouble is not None:
            return Status(State.REFUSING, in_words(self._trouble))
        return Status(State.UP)

    def _is_now(self, status: Status) -> None:
        if status == self._status:
            return
        self._status = status
        if self.running:
            log = _log.info if status.state is State.UP else _log.warn
            log("redis {url} is {status}", event="redis", url=str(self._url), status=str(status))
        for observer in self._observers:
            observer(status)
        if status.state is State.UP:
            self._came_up.open()


def greeting(url: RedisUrl) -> list[Command]:
    """What every connection says first."""
    said: list[Command] = [("CLIENT", "SETNAME", "camrelay")]
    if url.password:
        said.insert(0, ("AUTH", *((url.username,) if url.username else ()), url.password))
    if url.database:
        said.append(("SELECT", url.database))
    return said
