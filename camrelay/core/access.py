"""Access control: who may read and write in the rooms of a route."""

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

    `level`: "open" to everybody; "signed-in" for everybody with a token, also guests; "token" for
    those whose token grants the room. `subscribe` and `publish` list the subjects that may read
    and write, where `*` stands for everybody with a token; None leaves it to the level. At the
    level "token" they may do so in addition to those with a grant; elsewhere nobody else may.
    """

    level: Level = "open"
    subscribe: Sequence[str] | None = None
    publish: Sequence[str] | None = None


OPEN = Access()

_NOT_FOR_GUESTS = "this room is not open to guests"
_NOT_GRANTED = "your token does not let you use this room"


class Rights(NamedTuple):
    """What a client may do in a room; at least one of the two."""

    subscribe: bool
    publish: bool


def rights(access: Access, identity: Identity | None, room: str) -> Rights:
    """What `identity` may do in `room`; None is a client without a token.

    A token with a grant for a room also limits its bearer there: with a read-only token nobody may
    write, even in rooms where everybody else may.
    Raises Denied(401) if a token is needed, Denied(403) if another token is.
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
