"""Who may read and write in the rooms of a route."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from camrelay.core.errors import Denied
from camrelay.core.grants import may
from camrelay.core.identity import Identity

Level = Literal["open", "signed-in", "token"]
ANYBODY = "*"


@dataclass(frozen=True, slots=True)
class Access:
    """What a route says about who may use its rooms.

    `level`: "open" to everybody; "signed-in" for all who show a token, guests too; "token" for
    those whose token grants the room. `subscribe` and `publish` name the subjects that may read
    and write, where `*` is everybody who is signed in; None leaves it to the level. At the level
    "token" they are granted it in addition; elsewhere nobody else may.
    """

    level: Level = "open"
    subscribe: Sequence[str] | None = None
    publish: Sequence[str] | None = None


OPEN = Access()

_NOT_FOR_GUESTS = "this room is not open to guests"
_NOT_GRANTED = "your token does not let you use this room"


class Rights(NamedTuple):
    """What somebody may do in a room; at least one of both."""

    subscribe: bool
    publish: bool


def rights(access: Access, identity: Identity | None, room: str) -> Rights:
    """What `identity` may do in `room`; None is somebody who has shown no token.

    A token that grants anything in a room says with it what its bearer may not do there: one that
    is only good for reading does not write, even where others do.
    Raises Denied(401) when signing in could help, Denied(403) when only another token could.
    """
    if identity is None:
        allowed = _rights_of_a_stranger(access)
        if not any(allowed):
            raise Denied(401, "sign in to use this room")
        return allowed
    allowed = _rights_of(identity, access, room)
    if not any(allowed):
        raise Denied(403, _NOT_FOR_GUESTS if identity.is_guest else _NOT_GRANTED)
    return allowed


def _rights_of_a_stranger(access: Access) -> Rights:
    is_open = access.level == "open"
    return Rights(is_open and access.subscribe is None, is_open and access.publish is None)


def _rights_of(identity: Identity, access: Access, room: str) -> Rights:
    listed = Rights(
        _is_listed(identity, access.subscribe, access), _is_listed(identity, access.publish, access)
    )
    granted = Rights(may(identity.grants.subscribe, room), may(identity.grants.publish, room))
    if access.level == "token":
        return Rights(listed.subscribe or granted.subscribe, listed.publish or granted.publish)
    if any(granted):
        return Rights(listed.subscribe and granted.subscribe, listed.publish and granted.publish)
    return listed


def _is_listed(identity: Identity, users: Sequence[str] | None, access: Access) -> bool:
    if users is None:
        return access.level != "token"
    return ANYBODY in users or identity.subject in users
