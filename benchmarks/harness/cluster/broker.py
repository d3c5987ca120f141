"""What Redis itself uses to take a message and to give it to a subscriber, many at once."""

import socket
from contextlib import ExitStack
from pathlib import Path

from harness.cluster.serving import cpu_seconds, start_redis

FEW, MANY = 1, 11
BATCH, BATCHES = 50, 200
PAYLOAD = b"x" * 180  # about what an envelope with one position has
PUBLISH = b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$%d\r\n%s\r\n" % (len(PAYLOAD), PAYLOAD)
MESSAGE = b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$%d\r\n%s\r\n" % (len(PAYLOAD), PAYLOAD)
SUBSCRIBE = b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nroom\r\n"


def measure_redis(cores: str) -> dict[str, float]:
    """CPU microseconds: to take a message, and to give it to each subscriber."""
    with start_redis(cores) as (pid, path):
        few, many = (_publish(pid, path, subscribers) for subscribers in (FEW, MANY))
    give = (many - few) / (MANY - FEW)
    return {"redis_take": round(few - give * FEW, 3), "redis_give": round(give, 3)}


def _publish(pid: int, path: Path, subscribers: int) -> float:
    """Microseconds of Redis for each message."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(_connect(path)) for _ in range(subscribers)]
        for listener in listeners:
            listener.sendall(SUBSCRIBE)
            listener.recv(1024)
        publisher = stack.enter_context(_connect(path))
        reply = len(b":%d\r\n" % subscribers)
        before = cpu_seconds(pid)
        for _ in range(BATCHES):
            publisher.sendall(PUBLISH * BATCH)
            _read(publisher, reply * BATCH)
            for listener in listeners:
                _read(listener, len(MESSAGE) * BATCH)
        return (cpu_seconds(pid) - before) * 1e6 / (BATCH * BATCHES)


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return connection


def _read(connection: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(connection.recv(size))
