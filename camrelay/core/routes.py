"""The route table: which path leads to which kind of room."""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from camrelay.core.errors import Denied, StartError
from camrelay.core.kinds.kind import Kind
from camrelay.core.names import room_name

_NAMED_PART = re.compile(r"\{([a-z_]+)\}")
_PLAIN_PART = re.compile(r"[\w.~-]+")


class Place(NamedTuple):
    """Where a path leads: `room` is the one spelling of the path for the whole cluster."""

    room: str
    kind: Kind


class Route:
    """One pattern, such as `/ws/camera/{room}`: every `{name}` stands for one part of a path."""

    __slots__ = ("_parts", "kind", "pattern")

    def __init__(self, pattern: str, kind: Kind) -> None:
        """Raises StartError for a pattern that no path could match."""
        self.pattern = pattern
        self.kind = kind
        self._parts = pattern.strip("/").split("/")
        for part in self._parts:
            if not pattern.startswith("/") or not (
                _NAMED_PART.fullmatch(part) or _PLAIN_PART.fullmatch(part)
            ):
                raise StartError("route path", pattern, "must look like /ws/robots/{room}")

    def room(self, parts: list[str]) -> str | None:
        """The room for the parts of a path; None when they do not match.

        Raises Denied(400) when they match but hold a name that cannot be used.
        """
        if len(parts) != len(self._parts):
            return None
        for own, given in zip(self._parts, parts, strict=True):
            if own[0] != "{" and own != given:
                return None
        named = (
            room_name(given) if own[0] == "{" else own
            for own, given in zip(self._parts, parts, strict=True)
        )
        return "/" + "/".join(named)


class RouteTable:
    """Routes in the order in which they are tried; a trailing slash never matters."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """The first route that matches wins."""
        self.routes = tuple(routes)

    def find(self, path: str) -> Place:
        """The place for a percent-encoded `path`. Raises Denied(404) or Denied(400)."""
        parts = _parts_of(path)
        for route in self.routes:
            room = route.room(parts)
            if room is not None:
                return Place(room, route.kind)
        known = ", ".join(route.pattern for route in self.routes)
        raise Denied(404, f"no room at this path; the paths are: {known}")


def _parts_of(path: str) -> list[str]:
    """The decoded parts; an encoded slash (%2F) stays inside its part."""
    try:
        return [unquote(part, errors="strict") for part in path.strip("/").split("/")]
    except UnicodeDecodeError:
        raise Denied(400, "the path is not percent-encoded UTF-8") from None
