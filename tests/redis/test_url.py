"""URLs of Redis: what is read, what is refused, and what is never shown."""

import pytest

from camrelay.core.errors import StartError
from camrelay.redis.url import Address, RedisUrl, parse

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://localhost", RedisUrl((Address("localhost", 6379),))),
        ("redis://localhost/", RedisUrl((Address("localhost", 6379),))),
        ("REDIS://Redis.Example:6380/3", RedisUrl((Address("redis.example", 6380),), database=3)),
        ("  redis://[::1]:7000\n", RedisUrl((Address("::1", 7000),))),
        ("rediss://cache", RedisUrl((Address("cache", 6379),), secure=True)),
        (
            "redis://anna:p%40ss%2Fw:rd@cache/1",
            RedisUrl((Address("cache", 6379),), username="anna", password="p@ss/w:rd", database=1),
        ),
        ("redis://:pw@cache", RedisUrl((Address("cache", 6379),), password="pw")),
        ("unix:///run/redis.sock", RedisUrl(path="/run/redis.sock")),
        (
            "unix://:pw@/run/my%20redis.sock?db=2",
            RedisUrl(path="/run/my redis.sock", password="pw", database=2),
        ),
        (
            "redis+sentinel://a,b:26380,[::1]/mymaster/4",
            RedisUrl(
                (Address("a", 26379), Address("b", 26380), Address("::1", 26379)),
                master="mymaster",
                database=4,
            ),
        ),
        (
            "rediss+sentinel://:pw@a/m",
            RedisUrl((Address("a", 26379),), master="m", secure=True, password="pw"),
        ),
    ],
)
def test_a_url_is_read(text: str, expected: RedisUrl) -> None:
    """Every part of a URL arrives where it belongs, decoded."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "must begin with"),
        ("localhost:6379", "must begin with"),
        (f"http://:{SECRET}@localhost", "must begin with"),
        (f"{SECRET}@localhost", "must begin with"),
        (f"redis:/:{SECRET}@localhost", "must begin with"),
        (f"redis://:{SECRET}@", "no host"),
        ("redis://", "no host"),
        (f"redis://:{SECRET}@:6379", "no host"),
        (f"redis://localhost:{SECRET}", "port"),
        (f"redis://:{SECRET}", "port"),
        ("redis://localhost:0", "port 0"),
        ("redis://localhost:65536", "port"),
        (f"redis://:x/{SECRET}@localhost", "port"),
        (f"redis://localhost/{SECRET}", "database"),
        ("redis://localhost/-1", "database"),
        ("redis://localhost/1/2", "database"),
        (f"redis://:x?{SECRET}@localhost", "'?'"),
        (f"redis://:x#{SECRET}@localhost", "'#'"),
        ("rediss://localhost?ssl_cert_reqs=none", "'?'"),
        ("redis://anna@localhost", "user without a password"),
        (f"redis://[{SECRET}]:6379", "IPv6"),
        ("unix://run/redis.sock", "three slashes"),
        ("unix://", "three slashes"),
        ("unix:///run/redis.sock?db=x", "database"),
        (f"unix:///run/redis.sock?password={SECRET}", "?db="),
        ("redis+sentinel://a,b", "master"),
        ("redis+sentinel://a,,b/m", "no host"),
    ],
)
def test_a_bad_url_is_refused(text: str, part: str) -> None:
    """The refusal names the option and the part, and nothing that might be the password."""
    with pytest.raises(StartError) as refusal:
        parse(text, "REDIS_URL")
    assert str(refusal.value).startswith("REDIS_URL: ")
    assert part in str(refusal.value)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize(
    "text",
    [
        "redis://cache:6379",
        "rediss://cache:6380/2",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=3",
        "redis+sentinel://a:26379,b:26380/mymaster/1",
        "rediss+sentinel://[::1]:26379/m",
    ],
)
def test_a_url_is_shown_without_its_password(text: str) -> None:
    """What the log shows can be read as a URL, and holds neither user nor password."""
    scheme, _, rest = text.partition("://")
    url = parse(f"{scheme}://anna:{SECRET}@{rest}")
    assert str(url) == text
    assert SECRET not in repr(url)
    assert "anna" not in repr(url)
