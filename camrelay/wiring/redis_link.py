"""The link to Redis that the settings name."""

from pathlib import Path
from typing import Any

from camrelay.config import Settings
from camrelay.redis.link import RedisLink
from camrelay.redis.trust import Trust
from camrelay.redis.url import parse


def redis_link(settings: Settings, reactor: Any) -> RedisLink | None:
    """A new one, not started; None where no Redis is named. Raises StartError."""
    if settings.redis is None:
        return None
    authority = Path(settings.redis_ca) if settings.redis_ca else None
    return RedisLink(reactor, parse(settings.redis), Trust(authority, settings.redis_insecure))
