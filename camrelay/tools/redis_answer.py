"""Whether the Redis of the servers answers, asked as the servers would ask it."""

import time

from camrelay.core.errors import StartError
from camrelay.redis.blocking import BlockingLink
from camrelay.redis.endpoint import read_authorities
from camrelay.redis.errors import LinkError
from camrelay.redis.trust import Trust
from camrelay.redis.url import RedisUrl, parse
from camrelay.tools.findings import Finding, Level, not_startable, ok, warning

SUBJECT = "redis"


def ask_redis(text: str, trust: Trust, silence: Level = Level.PROBLEM) -> Finding:
    """Connect to the Redis at the URL `text`, log in, and wait for an answer.

    `silence`: how bad it is when none comes. No password is shown.
    """
    try:
        url = parse(text)
        if url.secure and trust.authority is not None:
            read_authorities(trust.authority)
        milliseconds = _round_trip(url, trust)
    except StartError as error:
        return not_startable(SUBJECT, error)
    except LinkError as error:
        remedy = "check that it is running, the URL, and the network between this machine and it"
        return Finding(silence, SUBJECT, f"{url} does not answer ({error})", remedy)
    if url.secure and trust.insecure:
        remedy = "use --redis-ca FILE instead"
        return warning(
            SUBJECT, f"{url} answers, but with --redis-insecure any server is accepted", remedy
        )
    return ok(SUBJECT, f"{url} answers in {milliseconds:.1f} ms")


def _round_trip(url: RedisUrl, trust: Trust) -> float:
    with BlockingLink(url, trust) as link:
        link.execute("PING")
        asked = time.perf_counter()
        link.execute("PING")
        return (time.perf_counter() - asked) * 1000
