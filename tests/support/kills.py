"""Servers that are killed again and again while people chat, alone and in pairs."""

import random
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from tests.support.redis import RedisServer
from tests.support.server import Server, start_relay
from tests.support.survivors import OPTIONS, ROUTES, Account, Survivors

# Seconds under load until the next kill: any moment in between.
LONGEST_LIFE = 0.5


def kill_alone(directory: Path, kills: int) -> tuple[Account, list[tuple[str, ...]]]:
    """One server that keeps chat in a file is killed and started again; the last one stays.

    Gives what came of it, and what SQLite says of the file.
    """
    options = ("--history", "sqlite", *OPTIONS)
    with ExitStack() as running, Survivors(rooms=3, speakers=2) as survivors:
        for number in range(kills + 1):
            server = _start(running, directory, *options)
            survivors.may_use(server)
            if number < kills:
                survivors.kill(server, random.uniform(0.0, LONGEST_LIFE))
        survivors.wait_for_all()
        account = survivors.end()
    with closing(sqlite3.connect(directory / "data" / "history.sqlite3")) as connection:
        return account, connection.execute("PRAGMA integrity_check").fetchall()


def kill_in_turn(directory: Path, kills: int) -> Account:
    """Two nodes keep chat in Redis; one is killed, its people go to the other, and it is back."""
    (directory / "redis").mkdir()
    with ExitStack() as running:
        redis = running.enter_context(RedisServer(directory / "redis"))
        options = ("--redis", redis.url, "--history", "redis", *OPTIONS)
        survivors = running.enter_context(Survivors(rooms=3, speakers=2))
        nodes = {name: _start(running, directory / name, *options) for name in "ab"}
        for node in nodes.values():
            survivors.may_use(node)
        for number in range(kills):
            name = "ab"[number % 2]
            survivors.wait_for_all()
            survivors.kill(nodes[name], random.uniform(0.0, LONGEST_LIFE))
            nodes[name] = _start(running, directory / name, *options)
            survivors.may_use(nodes[name])
        survivors.wait_for_all()
        return survivors.end()


def _start(running: ExitStack, directory: Path, *options: str) -> Server:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "camrelay.toml").write_text(ROUTES, "utf-8")
    return running.enter_context(start_relay(directory, *options))
