"""Composition: a worker on a channel, its link to Redis, and what systemd is told of it."""

import os
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from camrelay.channels.redis import RedisChannels
from camrelay.channels.work import Function, Work
from camrelay.channels.worker import LAST_SECONDS, Assignment, Worker
from camrelay.config import Settings
from camrelay.core.errors import StartError
from camrelay.core.readiness import DRAINING, STARTING, Readiness
from camrelay.ops.ending import Ending
from camrelay.ops.journal import LogJournal
from camrelay.ops.systemd import Systemd
from camrelay.redis.link import RedisLink
from camrelay.redis.state import State, Status
from camrelay.wiring.redis_link import redis_link
from camrelay.wiring.relay_service import RelayService

# A reason why no messages are taken now.
REDIS = "redis"


def build_worker(
    settings: Settings, assignment: Assignment, function: Function, reactor: Any
) -> RelayService:
    """The service that calls `function`. Raises StartError."""
    link = redis_link(settings, reactor)
    if link is None:
        raise StartError("--redis", None, "is needed, such as redis://localhost:6379")
    if settings.redis_insecure:
        LogJournal(reactor.seconds).redis_unverified()
    channels = RedisChannels(reactor, link)
    worker = Worker(reactor, channels, Work(reactor, function, assignment.concurrency), assignment)
    service = RelayService(settings.log_format, channels)  # the channels end after the worker
    link.observe(partial(_link_changed, service.readiness))
    leave = partial(_leave, service.readiness, worker)
    service.ending = Ending(leave, reactor, on_sigterm=leave)
    longest = assignment.patience + LAST_SECONDS
    service.systemd = Systemd(os.environ, service.readiness, longest, reactor)
    service.systemd.describe = partial(_in_brief, service.readiness, link, worker)
    for part in (service.systemd, service.ending, worker):
        part.setServiceParent(service)
    return service


def _link_changed(readiness: Readiness, status: Status) -> None:
    """A worker is ready when it has been let in by Redis, for the first time and whenever again."""
    if status.state is State.UP:
        readiness.withdraw(REDIS)
        readiness.withdraw(STARTING)
    else:
        readiness.object(REDIS, f"redis is {status}")


def _leave(readiness: Readiness, worker: Worker) -> Deferred[None]:
    readiness.object(DRAINING, "the worker finishes what it has")
    return worker.finish()


def _in_brief(readiness: Readiness, link: RedisLink, worker: Worker) -> str:
    """On one line: "ready, redis is up, 12 messages were processed, 1 failed"."""
    return f"{readiness.state}, redis is {link.status}, {worker.account}"
