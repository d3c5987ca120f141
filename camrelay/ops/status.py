"""What a node tells the operator about itself."""

import os
from collections.abc import Callable, Mapping

import camrelay
from camrelay.core.readiness import Readiness

# A room is told by name when it is among so many largest ones.
LARGEST_ROOMS = 10


class Status:
    """A snapshot whenever it is asked for."""

    def __init__(self, node: str | None, readiness: Readiness, now: Callable[[], float]) -> None:
        """`node`: its name in the cluster, if it has one; `now()`: seconds that never run back."""
        self._node = node
        self._readiness = readiness
        self._now = now
        self._started = now()
        self._parts: dict[str, Callable[[], object]] = {}

    def add(self, name: str, look: Callable[[], object]) -> None:
        """Have one more field, whose value `look()` is; it must be fit for JSON."""
        self._parts[name] = look

    def __call__(self) -> dict[str, object]:
        """All fields; `uptime` in seconds."""
        return {
            "node": self._node,
            "version": camrelay.__version__,
            "pid": os.getpid(),
            "uptime": round(self._now() - self._started, 1),
            "state": self._readiness.state,
            "reasons": dict(self._readiness.reasons),
            **{name: look() for name, look in self._parts.items()},
        }


def largest(rooms: Mapping[str, int]) -> dict[str, int]:
    """The members of the largest of `rooms`, the largest first."""
    by_size = sorted(rooms.items(), key=lambda room: (-room[1], room[0]))
    return dict(by_size[:LARGEST_ROOMS])


def in_brief(status: Status) -> str:
    """On one line: "ready, 12 connections"."""
    now = status()
    return ", ".join([str(now["state"]), f"{now['connections']} connections"])
