"""Redis for programs without a reactor: scripts, threads, views of a web application.

    with BlockingLink(parse("redis://localhost")) as link:
        link.publish(b"news", b"hello")

Built on redis-py, which may be used from many threads at once. It is told not to repeat commands:
what was sent once and not answered may have been carried out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha1
from types import TracebackType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from camrelay.redis.command import CONNECT_TIMEOUT, REPLY_TIMEOUT, Word
from camrelay.redis.errors import LinkError, NotSent, Refused, Unanswered
from camrelay.redis.trust import Trust
from camrelay.redis.url import RedisUrl


class BlockingLink:
    """Commands and their answers, as bytes, ints, lists or None. It connects when it is used."""

    def __init__(self, url: RedisUrl, trust: Trust | None = None) -> None:
        """Nothing is connected yet."""
        self._url = url
        self._client = _client(url, trust or Trust())
        self._client.response_callbacks.clear()

    def __enter__(self) -> Self:
        """The link."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End its connections; it connects again when it is used again."""
        self._client.close()

    def channel(self, name: bytes) -> bytes:
        """What the channel `name` is called on the server, for a script that publishes."""
        return self._url.channel(name)

    def publish(self, channel: bytes, payload: bytes) -> int:
        """Send to all subscribers of `channel`; gives the number of them. Raises as `execute`."""
        reached: int = self.execute("PUBLISH", self.channel(channel), payload)
        return reached

    def execute(self, *words: Word) -> Any:
        """Send one command and wait for the answer, two seconds at most.

        Raises NotSent, Unanswered or Refused: see camrelay.redis.errors.
        """
        with _our_errors():
            return self._client.execute_command(*words)

    def evaluate(
        self, script: bytes, keys: Sequence[bytes] = (), arguments: Sequence[Word] = ()
    ) -> Any:
        """Run a Lua script, sent in full only when Redis does not know it; as `execute`."""
        words = (len(keys), *keys, *arguments)
        name = sha1(script, usedforsecurity=False).hexdigest()
        with _our_errors():
            try:
                return self._client.execute_command("EVALSHA", name, *words)
            except NoScriptError:
                return self._client.execute_command("EVAL", script, *words)


def _client(url: RedisUrl, trust: Trust) -> redis.Redis:
    settings: dict[str, Any] = {
        "username": url.username or None,
        "password": url.password or None,
        "db": url.database,
        "client_name": "camrelay",
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": REPLY_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
    }
    if url.path:
        return redis.Redis(unix_socket_path=url.path, **settings)
    if url.secure:
        settings |= {
            "ssl": True,
            "ssl_ca_certs": str(trust.authority) if trust.authority else None,
            "ssl_cert_reqs": "none" if trust.insecure else "required",
            "ssl_check_hostname": not trust.insecure,
        }
    if url.master:
        return _master(url, settings)
    host, port = url.addresses[0]
    return redis.Redis(host=host, port=port, **settings)


def _master(url: RedisUrl, settings: dict[str, Any]) -> redis.Redis:
    """Whichever server the Sentinels name; they may want the password, or not know of any."""
    login = settings | {"db": 0}
    no_login = login | {"username": None, "password": None}
    sentinels = Sentinel(url.addresses, sentinel_kwargs=login, **settings)
    sentinels.sentinels += Sentinel(url.addresses, sentinel_kwargs=no_login).sentinels
    master: redis.Redis = sentinels.master_for(url.master)
    return master


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise _in_our_terms(error) from error


def _in_our_terms(error: redis.RedisError) -> LinkError:
    if isinstance(error, redis.ResponseError | redis.AuthenticationError):
        return Refused(str(error))
    if isinstance(error, MasterNotFoundError):
        return NotSent(str(error))
    return Unanswered(str(error))
