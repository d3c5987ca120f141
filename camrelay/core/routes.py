"""The route table: which path leads to which room, and who may use it."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple
from urllib.parse import unquote

from camrelay.core.errors import Denied, StartError
from camrelay.core.identity import Identity
from camrelay.core.kinds.kind import Kind
from camrelay.core.names import room_name
from camrelay.core.terms import USUAL, Terms
from camrelay.core.user_paths import is_user_part, user_part

# The number of paths whose place is cached.
REMEMBERED = 1024

_NAMED_PART = re.compile(r"\{([a-z_]+)\}")
_PLAIN_PART = re.compile(r"[\w.~-]+")


class Place(NamedTuple):
    """Where a path leads: `room` is the one spelling of the path for the whole cluster."""

    room: str
    kind: Kind
    terms: Terms = USUAL


class Route:
    """One pattern, such as `/ws/camera/{room}`: every `{name}` stands for one part of a path.

    `{user}` and its slices stand for the signed-in user (see camrelay.core.user_paths): other users
    are refused there.
    """

    __slots__ = ("_parts", "_template", "kind", "pattern", "terms")

    def __init__(
        self, pattern: str, kind: Kind, terms: Terms = USUAL, room: str | None = None
    ) -> None:
        """`room`: the room of every path of this route, made of plain parts, of names that are in
        `pattern`, and of `{user}`. Without it each path is a room of its own.

        Raises StartError for a pattern that no path could match, and a room that cannot be made.
        """
        self.pattern = pattern
        self.kind = kind
        self.terms = terms
        self._parts = _pattern_parts("route path", pattern)
        self._template = None if room is None else _pattern_parts(f"room of {pattern}", room)
        for part in self._template or ():
            if part[0] == "{" and part not in self._parts and not is_user_part(part):
                remedy = f"holds {part}, which is not in the path"
                raise StartError(f"room of {pattern}", room, remedy)

    def room(self, parts: Sequence[str], identity: Identity | None) -> str | None:
        """The room for the parts of a path; None when they do not match.

        Raises Denied(400) if they match but contain a name that cannot be used, Denied(401) or
        Denied(403) if they are for another user than `identity`.
        """
        if not _fits(self._parts, parts):
            return None
        names = [_name(own, given, identity) for own, given in zip(self._parts, parts, strict=True)]
        if self._template is not None:
            named = dict(zip(self._parts, names, strict=True))
            names = [_derived(part, named, identity) for part in self._template]
        return "/" + "/".join(names)

    @property
    def is_personal(self) -> bool:
        """Whether the room depends on the user."""
        return any(map(is_user_part, (*self._parts, *(self._template or ()))))

    def makes(self, parts: Sequence[str]) -> str | None:
        """The room named by `parts`, for any user; None if this route has no such room.

        Raises Denied(400) if it contains a name that cannot be used.
        """
        pattern = self._template or self._parts
        if not _fits(pattern, parts):
            return None
        names = (
            room_name(given) if own[0] == "{" else own
            for own, given in zip(pattern, parts, strict=True)
        )
        return "/" + "/".join(names)

    def check_privacy(self, other: "Route", is_first: bool) -> None:
        """Refuse a route table in which `other` leads into a user's room of this route.

        `is_first`: this route comes first, and so gets the paths that fit both. Raises StartError.
        """
        own, others = self._template or self._parts, other._template or other._parts
        if len(own) != len(others) or (is_first and not self._template and not other._template):
            return
        pairs = list(zip(own, others, strict=True))
        if all("{" in a[0] + b[0] or a == b for a, b in pairs) and any(
            is_user_part(a) and a != b for a, b in pairs
        ):
            remedy = f"would not belong to the user alone: {other.pattern} leads there too"
            raise StartError(f"room of {self.pattern}", "/" + "/".join(own), remedy)


def _pattern_parts(option: str, pattern: str) -> list[str]:
    parts = pattern.strip("/").split("/")
    for part in parts:
        if not pattern.startswith("/") or not (
            _NAMED_PART.fullmatch(part) or _PLAIN_PART.fullmatch(part) or is_user_part(part)
        ):
            raise StartError(option, pattern, "must look like /ws/robots/{room}")
    return parts


def _fits(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    return len(pattern) == len(parts) and all(
        own[0] == "{" or own == given for own, given in zip(pattern, parts, strict=True)
    )


def _name(own: str, given: str, identity: Identity | None) -> str:
    if own[0] != "{":
        return own
    name = room_name(given)
    if is_user_part(own) and name != user_part(own, identity):
        raise Denied(403, f"{name!r} in this path is another user")
    return name


def _derived(part: str, named: dict[str, str], identity: Identity | None) -> str:
    if is_user_part(part):
        return user_part(part, identity)
    return named.get(part, part)


class RouteTable:
    """Routes in the order in which they are tried; a trailing slash never matters."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """The first route that matches wins.

        Raises StartError if another route leads into the rooms of users.
        """
        self.routes = tuple(routes)
        self._is_personal = any(route.is_personal for route in self.routes)
        # Most connections are to rooms that others have connected to before.
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._find)
        for one, other in permutations(range(len(self.routes)), 2):
            self.routes[one].check_privacy(self.routes[other], is_first=one < other)

    def find(self, path: str, identity: Identity | None = None) -> Place:
        """The place for a percent-encoded `path`, for `identity`, or for an anonymous client.

        Whether it may read or write there is decided in camrelay.core.access.
        Raises Denied with 400, 401, 403 or 404.
        """
        if self._is_personal:
            return self._find(path, identity)
        return self._remembered(path)

    def _find(self, path: str, identity: Identity | None = None) -> Place:
        parts = _parts_of(path)
        for route in self.routes:
            room = route.room(parts, identity)
            if room is not None:
                return Place(room, route.kind, route.terms)
        raise self._nowhere()

    def find_room(self, room: str) -> Place:
        """The place of a room by its own, percent-encoded path, without access control.

        Raises Denied(404) or Denied(400).
        """
        parts = _parts_of(room)
        for route in self.routes:
            made = route.makes(parts)
            if made is not None:
                return Place(made, route.kind, route.terms)
        raise self._nowhere()

    def _nowhere(self) -> Denied:
        known = ", ".join(route.pattern for route in self.routes)
        return Denied(404, f"no room at this path; the paths are: {known}")


def _parts_of(path: str) -> list[str]:
    """The decoded parts; an encoded slash (%2F) stays inside its part."""
    try:
        return [unquote(part, errors="strict") for part in path.strip("/").split("/")]
    except UnicodeDecodeError:
        raise Denied(400, "the path is not percent-encoded UTF-8") from None
