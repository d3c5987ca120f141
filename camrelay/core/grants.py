"""The patterns in which tokens say which rooms and channels somebody may use.

    /ws/chat/lobby   this room
    chat/lobby       the same: without a slash in front a pattern begins at /ws/
    chat/*           every room of /ws/chat: `*` is one part of a path
    chat/team/**     every room below /ws/chat/team: `**` at the end is one part or more
    /**              every room

The names of channels are patterns of one part: `jobs`, or `*` for every channel.
"""

import unicodedata
from collections.abc import Iterable

from camrelay.core.errors import Denied
from camrelay.core.names import room_name

RULE = (
    "use a path such as chat/lobby, chat/* (one part) or chat/** (everything below); "
    "* and ** are whole parts, and ** is the last"
)
CHANNEL_RULE = "use the name of a channel, or * for every channel"


def matches(pattern: str, path: str) -> bool:
    """Whether `pattern` stands for the room `path`, which is spelled as the relay spells it."""
    return _fit(_parts(_from_root(pattern)), _parts(path))


def may(patterns: Iterable[str], path: str) -> bool:
    """Whether one of `patterns` stands for the room `path`."""
    return any(matches(pattern, path) for pattern in patterns)


def matches_channel(pattern: str, name: str) -> bool:
    """Whether `pattern` stands for the channel `name`."""
    return _fit(_parts(pattern), [name])


def may_use_channel(patterns: Iterable[str], name: str) -> bool:
    """Whether one of `patterns` stands for the channel `name`."""
    return any(matches_channel(pattern, name) for pattern in patterns)


def check_pattern(pattern: str) -> None:
    """Refuse what no room could match. Raises Denied(400) with the rule in its text."""
    *above, last = _parts(_from_root(pattern))
    for part in above if last in ("*", "**") else [*above, last]:
        if part != "*":
            _check_name(part, pattern, RULE)


def check_channel_pattern(pattern: str) -> None:
    """Refuse what no channel could match. Raises Denied(400) with the rule in its text."""
    if pattern not in ("*", "**"):
        _check_name(pattern, pattern, CHANNEL_RULE)


def _check_name(part: str, pattern: str, rule: str) -> None:
    try:
        room_name(part)
    except Denied:
        raise Denied(400, f"the pattern {pattern[:100]!r} cannot be used: {rule}") from None


def _from_root(pattern: str) -> str:
    return pattern if pattern.startswith("/") or not pattern else f"/ws/{pattern}"


def _parts(text: str) -> list[str]:
    """Spelled as names are (see `room_name`); a slash at the end does not matter."""
    return unicodedata.normalize("NFC", text).removesuffix("/").removeprefix("/").split("/")


def _fit(pattern: list[str], parts: list[str]) -> bool:
    if pattern[-1] == "**":
        above = len(pattern) - 1
        return len(parts) > above and _fit_each(pattern[:-1], parts[:above])
    return len(parts) == len(pattern) and _fit_each(pattern, parts)


def _fit_each(pattern: list[str], parts: list[str]) -> bool:
    return all(own in ("*", given) for own, given in zip(pattern, parts, strict=True))
