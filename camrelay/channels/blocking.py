"""The channels of camrelay.channels.redis for plain code, such as a Django view.

    from camrelay.channels.blocking import Channels

    channels = Channels("redis://localhost")          # once for each process; threads may share it
    channels.send("jobs", b"hello")
    message = channels.receive("jobs", wait=5)        # None when nothing came

Needs the extra: pip install camrelay[blocking]. No reactor and no thread is started.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from types import TracebackType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from camrelay.channels.promises import (
    ChannelFull,
    ChannelLimits,
    GroupSent,
    checked_message,
    checked_name,
)
from camrelay.channels.scripts import (
    ADD,
    ASK_AGAIN,
    BELL,
    LOOK_AGAIN,
    QUEUE,
    RECEIVE,
    SEND,
    SEND_TO_GROUP,
    STAMP_LENGTH,
    bell_key,
    group_key,
    group_sent,
    milliseconds,
    queue_key,
)
from camrelay.redis.errors import Refused, Unanswered
from camrelay.redis.url import RedisUrl, parse

# Seconds to connect, and to wait for an answer.
CONNECT_TIMEOUT = 2.0
REPLY_TIMEOUT = 2.0


class Channels:
    """Sends to and receives from the channels of all that have the same Redis and database.

    Methods are those of camrelay.channels.promises.Channels, with plain results. They raise
    ValueError for what cannot be sent, ChannelFull, Refused when Redis answers with an error, and
    Unanswered when it cannot be reached or does not answer: then nobody knows whether a message
    was sent, and to send it again may send it twice.
    """

    def __init__(
        self,
        url: str,
        limits: ChannelLimits | None = None,
        *,
        authority: str | None = None,
        insecure: bool = False,
    ) -> None:
        """`authority`: PEM file of the authorities that rediss:// trusts, by default the system's.

        `insecure`: take any certificate. Nothing is connected yet. Raises StartError for a URL
        that cannot be read. Sentinels are asked without a password.
        """
        self._url = parse(url, "url")
        self._client = _client(self._url, _tls(authority, insecure) if self._url.secure else {})
        self._limits = limits or ChannelLimits()
        self._send = self._client.register_script(SEND)
        self._receive = self._client.register_script(RECEIVE)
        self._add = self._client.register_script(ADD)
        self._send_to_group = self._client.register_script(SEND_TO_GROUP)

    def __enter__(self) -> Self:
        """To be closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self._client.close()

    def send(self, channel: str, message: bytes, limits: ChannelLimits | None = None) -> None:
        """Put a message into a channel."""
        name, limits = checked_name(channel), limits or self._limits
        arguments = [checked_message(message), milliseconds(limits.expiry), limits.capacity]
        with self._translated_errors():
            is_sent = self._send([queue_key(name), bell_key(name)], arguments)
        if not is_sent:
            raise ChannelFull(name, limits.capacity)

    def receive(self, channel: str, wait: float | None = None) -> bytes | None:
        """Take the next message; wait for one up to `wait` seconds, by default for ever.

        While Redis cannot be reached this goes on waiting; it raises Unanswered when Redis still
        cannot be reached after `wait` seconds.
        """
        name = checked_name(channel)
        until = inf if wait is None else time.monotonic() + wait
        while True:
            trouble = None
            try:
                with self._translated_errors():
                    entries = self._receive([queue_key(name), bell_key(name)], [1])
                if entries:
                    return bytes(entries[0][STAMP_LENGTH:])
            except Unanswered as error:
                trouble = error
            remaining = until - time.monotonic()
            if remaining <= 0:
                if trouble is not None:
                    raise trouble
                return None
            self._pause(name, min(LOOK_AGAIN, max(remaining, 0.01)), trouble)

    def _pause(self, name: str, seconds: float, trouble: Unanswered | None) -> None:
        if trouble is not None:
            time.sleep(min(ASK_AGAIN, seconds))
            return
        with suppress(Unanswered), self._translated_errors():
            self._client.blpop([bell_key(name)], timeout=seconds)

    def add(self, group: str, channel: str) -> None:
        """Make the channel a member of the group, or prolong its membership."""
        arguments = [checked_name(channel).encode(), milliseconds(self._limits.membership)]
        with self._translated_errors():
            self._add([group_key(checked_name(group))], arguments)

    def discard(self, group: str, channel: str) -> None:
        """The channel is no member any more."""
        key, member = group_key(checked_name(group)), checked_name(channel).encode()
        with self._translated_errors():
            self._client.zrem(key, member)

    def send_to_group(
        self, group: str, message: bytes, limits: ChannelLimits | None = None
    ) -> GroupSent:
        """Send to all members at once; full channels do not keep the others from getting it."""
        limits = limits or self._limits
        numbers = (milliseconds(limits.expiry), limits.capacity)
        arguments = [checked_message(message), *numbers, QUEUE, BELL]
        with self._translated_errors():
            outcome = self._send_to_group([group_key(checked_name(group))], arguments)
        return group_sent(outcome)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (redis.ResponseError, redis.AuthenticationError) as error:
            raise Refused(str(error)) from error
        except redis.RedisError as error:
            raise Unanswered(
                f"{self._url} cannot be reached or does not answer: {error}"
            ) from error


def _client(url: RedisUrl, tls: dict[str, Any]) -> Any:
    """Nothing is sent twice: redis-py would, by default."""
    settings: dict[str, Any] = {
        "username": url.username or None,
        "password": url.password or None,
        "db": url.database,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": LOOK_AGAIN + REPLY_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
        **tls,
    }
    if url.path:
        return redis.Redis(unix_socket_path=url.path, **settings)
    if url.master:
        asking = {"socket_timeout": REPLY_TIMEOUT, **tls}
        return Sentinel(url.addresses, sentinel_kwargs=asking).master_for(url.master, **settings)
    host, port = url.addresses[0]
    return redis.Redis(host, port, **settings)


def _tls(authority: str | None, insecure: bool) -> dict[str, Any]:
    if insecure:
        return {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}
    return {"ssl": True, "ssl_ca_certs": authority, "ssl_check_hostname": True}
