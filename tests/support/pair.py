"""Two whole nodes and a Redis of their own, and what their clients say and hear."""

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from camrelay.redis.envelope import room_channel
from tests.support.frames import TEXT, frame
from tests.support.redis import RedisServer
from tests.support.server import Server, start_relay
from tests.support.wire import Wire

SECONDS_TO_WAIT = 20.0


class Pair:
    """Two nodes, what connects them, and their clients."""

    def __init__(self, directory: Path, running: ExitStack, *options: str) -> None:
        """Both run with `options`, and know each other."""
        folders = [directory / name for name in ("redis", "a", "b")]
        folders[0].mkdir()
        self._running = running
        self.redis = running.enter_context(RedisServer(folders[0]))
        options = ("--redis", self.redis.url, *options)
        self.a, self.b = (
            running.enter_context(start_relay(folder, *options)) for folder in folders[1:]
        )
        for node in (self.a, self.b):
            node.wait_for_log(r"node \w+ is there")

    def join(self, node: Server, path: str) -> Wire:
        """A new member of a room on `node`."""
        member = self.enter(Wire(node.port, timeout=SECONDS_TO_WAIT))
        member.upgrade(path)
        return member

    def enter(self, client: Wire) -> Wire:
        """`client`, which is closed with the nodes."""
        return self._running.enter_context(client)

    def wait_for_listeners(self, path: str, count: int) -> None:
        """Until so many nodes hear what is said in a room."""
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while self.redis.command("PUBSUB", "NUMSUB", room_channel(path))[1] != count:
            assert time.monotonic() < deadline, f"not {count} nodes listen to {path}"


def line(text: str) -> dict[str, str]:
    """A chat message."""
    return {"message": text}


def say(member: Wire, *documents: object) -> None:
    """Send messages."""
    member.send(*(frame(TEXT, json.dumps(document).encode()) for document in documents))


def hear(member: Wire) -> Any:
    """The next message."""
    return json.loads(member.read_message().payload)


def hear_until(member: Wire, last: object) -> list[object]:
    """The messages up to and with `last`."""
    heard = [hear(member)]
    while heard[-1] != last:
        heard.append(hear(member))
    return heard
