"""The link of programs without a reactor."""

from pathlib import Path

import pytest
import trustme

from camrelay.redis.blocking import BlockingLink
from camrelay.redis.errors import NotSent, Refused, Unanswered
from camrelay.redis.trust import Trust
from camrelay.redis.url import parse
from tests.support.redis import RedisServer, free_port


def test_a_blocking_link_survives_a_restart(redis_server: RedisServer) -> None:
    """What the pool kept of the old server does no harm."""
    with BlockingLink(parse(redis_server.url)) as link:
        assert link.publish(b"nobody", b"") == 0
        redis_server.kill()
        with pytest.raises(Unanswered):
            link.publish(b"nobody", b"")
        redis_server.start()
        assert link.publish(b"nobody", b"") == 0


def test_a_blocking_link_tells_what_redis_objects_to(redis_server: RedisServer) -> None:
    """A refused command, and a password that is not right."""
    with BlockingLink(parse(redis_server.url)) as link:
        with pytest.raises(Refused, match="unknown command"):
            link.execute("NONSENSE")
        redis_server.set_password("secret")
    wrong = parse(f"redis://:wrong@127.0.0.1:{redis_server.port}")
    with BlockingLink(wrong) as link, pytest.raises(Refused, match="invalid username-password"):
        link.execute("PING")


def test_a_blocking_link_gives_up_after_a_while(redis_server: RedisServer) -> None:
    """A Redis that hangs does not hang who asks it, and nothing is said twice."""
    with BlockingLink(parse(redis_server.url)) as link:
        before = link.execute("INCR", "count")
        redis_server.stop_answering()
        with pytest.raises(Unanswered):
            link.execute("INCR", "count")
        redis_server.answer_again()
        assert link.execute("INCR", "count") == before + 2


@pytest.mark.parametrize("secret", ["", "secret", "007"])
def test_bytes_stay_bytes(redis_server: RedisServer, secret: str) -> None:
    """Over the Unix socket, with or without a password, in another database."""
    redis_server.set_password(secret)
    login = f":{secret}@" if secret else ""
    with BlockingLink(parse(f"unix://{login}{redis_server.socket}?db=3")) as link:
        link.execute("SET", b"\xff", b"1.50")
        assert link.execute("GET", b"\xff") == b"1.50"
        assert b" name=camrelay " in link.execute("CLIENT", "INFO")
        assert b" db=3 " in link.execute("CLIENT", "INFO")


def test_an_authority_decides_who_is_trusted(redis_server: RedisServer, tmp_path: Path) -> None:
    """TLS is verified, unless the operator does not want that."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    port = free_port()
    for name, pems in (
        ("ca.pem", [authority.cert_pem]),
        ("chain.pem", certificate.cert_chain_pems),
        ("key.pem", [certificate.private_key_pem]),
    ):
        (tmp_path / name).write_bytes(b"".join(pem.bytes() for pem in pems))
    redis_server.command("CONFIG", "SET", "tls-cert-file", str(tmp_path / "chain.pem"))
    redis_server.command("CONFIG", "SET", "tls-key-file", str(tmp_path / "key.pem"))
    redis_server.command("CONFIG", "SET", "tls-auth-clients", "no")
    redis_server.command("CONFIG", "SET", "tls-port", port)
    url = parse(f"rediss://localhost:{port}")
    for trust in (Trust(tmp_path / "ca.pem"), Trust(insecure=True)):
        with BlockingLink(url, trust) as link:
            assert link.execute("PING") == b"PONG"
    with BlockingLink(url) as link, pytest.raises(Unanswered, match="certificate"):
        link.execute("PING")


def test_the_master_is_found(redis_server: RedisServer, tmp_path: Path) -> None:
    """Although the first Sentinel of the URL is gone, and the other one has no password."""
    redis_server.set_password("secret")
    folder = tmp_path / "sentinel"
    folder.mkdir()
    (folder / "sentinel.conf").write_text(
        f"sentinel monitor mymaster 127.0.0.1 {redis_server.port} 1\n"
        "sentinel auth-pass mymaster secret\n"
    )
    with RedisServer(folder, str(folder / "sentinel.conf"), "--sentinel") as sentinel:
        addresses = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}"
        with BlockingLink(parse(f"redis+sentinel://:secret@{addresses}/mymaster/2")) as link:
            assert b" db=2 " in link.execute("CLIENT", "INFO")
        unknown = parse(f"redis+sentinel://{addresses}/other")
        with BlockingLink(unknown) as link, pytest.raises(NotSent, match="other"):
            link.execute("PING")
