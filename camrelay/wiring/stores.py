"""The bus to other nodes, the history, and the channels, as the settings ask for them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred, succeed

from camrelay.bus.local import LocalBus
from camrelay.channels.local import LocalChannels
from camrelay.channels.promises import Channels
from camrelay.channels.redis import RedisChannels
from camrelay.config import Settings, data_directory, history_of
from camrelay.core.errors import StartError
from camrelay.history.memory import MemoryHistory
from camrelay.history.sqlite.database import Database
from camrelay.history.sqlite.history import SqliteHistory
from camrelay.net.clock import ReactorClock
from camrelay.ops.families import Family
from camrelay.ops.journal import LogJournal
from camrelay.ops.measured_history import MeasuredHistory
from camrelay.ops.measured_queues import MeasuredQueues
from camrelay.ports import Bus, History
from camrelay.redis.bus import RedisBus
from camrelay.redis.gate import Gate
from camrelay.redis.history import RedisHistory
from camrelay.redis.link import RedisLink
from camrelay.redis.state import State
from camrelay.wiring.metrics import of_bus
from camrelay.wiring.queues import ChannelQueues
from camrelay.wiring.redis_link import redis_link


class Stores(Service):
    """Started before the first connection and stopped after the last: the bus, then the history.

    `redis` is the bus between nodes, None when this node is alone.
    """

    def __init__(self, node: str, settings: Settings, reactor: Any, journal: LogJournal) -> None:
        """Raises StartError for what cannot be opened, or does not go together."""
        self._reactor = reactor
        self._new_link = partial(redis_link, settings, reactor)
        self._channels: LocalChannels | RedisChannels | None = None
        self._channels_link: RedisLink | None = None
        self._channels_known = Gate()
        clock = ReactorClock(reactor)
        link = self._new_link()
        if link is not None and settings.redis_insecure:
            journal.redis_unverified()
        self.redis = None if link is None else RedisBus(node, link, clock, journal)
        self.bus: Bus = self.redis or LocalBus()
        self._history = _history(settings, reactor, link, journal)
        self.history = MeasuredHistory(self._history, clock.now)
        self.queues = MeasuredQueues(ChannelQueues(self.channels))

    def channels(self) -> Deferred[Channels]:
        """The named queues: made when somebody needs them, with a link to Redis of their own.

        Fires when it is known whether Redis can be reached, or the first message would be refused.
        """
        if self._channels is None:
            self._channels = self._open_channels()
        link = self._channels_link
        if link is None or link.state is not State.CONNECTING:
            return succeed(self._channels)
        channels: Channels = self._channels
        return self._channels_known.wait().addCallback(lambda _: channels)

    def _open_channels(self) -> LocalChannels | RedisChannels:
        link = self._channels_link = self._new_link()
        if link is None:
            return LocalChannels(self._reactor)
        channels = RedisChannels(self._reactor, link)
        link.observe(lambda _: self._channels_known.open())
        channels.startService()
        return channels

    @property
    def degraded(self) -> dict[str, str]:
        """What does not work at the moment, by name; everything else goes on."""
        found = {}
        if self.redis is not None and self.redis.state != "up":
            found["redis"] = self.redis.state
        if self.history.trouble:
            found["history"] = self.history.trouble
        return found

    def families(self) -> Iterator[Family]:
        """All that is measured here."""
        yield from self.history.families()
        yield from self.queues.families()
        if self.redis is not None:
            yield from of_bus(self.redis)

    def startService(self) -> None:
        """The bus brings the link to Redis, which the history may need."""
        super().startService()
        for part in self._parts():
            part.startService()

    @inlineCallbacks
    def stopService(self) -> Any:
        """What was said is stored, and then the link is closed."""
        super().stopService()
        for part in reversed(self._parts()):
            yield maybeDeferred(part.stopService)

    def _parts(self) -> list[Service]:
        parts = (self.redis, self._history, self._channels)
        return [part for part in parts if isinstance(part, Service)]


def check_history(settings: Settings) -> None:
    """Raises StartError when `--history` does not go together with the rest."""
    wanted = history_of(settings)
    if wanted == "redis" and settings.redis is None:
        raise StartError("--history", wanted, "needs --redis URL")
    if settings.redis is not None and wanted in ("memory", "sqlite"):
        remedy = "would keep a part of the cluster's rooms on each server: use redis, or off"
        raise StartError("--history", wanted, remedy)


def _history(
    settings: Settings, reactor: Any, link: RedisLink | None, journal: LogJournal
) -> History:
    clock = ReactorClock(reactor)
    check_history(settings)
    wanted = history_of(settings)
    if link is not None and wanted == "redis":
        return RedisHistory(link, clock, journal)
    if wanted == "sqlite":
        database = Database(data_directory(settings), settings.history_sync)
        return SqliteHistory(reactor, clock, journal, database)
    return MemoryHistory(clock)
