"""What a room tells a member besides publications. What is empty is not written."""

from msgspec import Struct


class Member(Struct, frozen=True, omit_defaults=True):
    """Somebody in a room: the id of the session, and what others see, or empty.

    `guest`: it chose its name itself, which may be that of somebody else.
    """

    id: str
    user: str = ""
    guest: bool = False


class Welcome(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="welcome"):
    """The first word to a new member.

    `id` and `user`: what it is to others. `epoch` and `offset`: what follows is behind that place;
    empty and 0 where nothing is kept. `recovered`: whether that is the place that it named, so
    that nothing is missing in between; None when it named none. `members`: who is there, itself
    included, at most 100 of `count`. `time`: the server's, seconds since 1970.
    """

    id: str
    user: str = ""
    room: str
    may_publish: bool
    time: float
    epoch: str = ""
    offset: int = 0
    recovered: bool | None = None
    count: int
    members: tuple[Member, ...]


class Joined(Struct, frozen=True, omit_defaults=True, tag="join"):
    """Somebody came; `count` members are in the room now."""

    member: Member
    count: int


class Left(Struct, frozen=True, omit_defaults=True, tag="leave"):
    """Somebody went; `count` members are in the room now."""

    member: Member
    count: int


class Counted(Struct, frozen=True, omit_defaults=True, tag="count"):
    """So many members are in the room now: too many to name each one that comes and goes."""

    count: int


class Problem(Struct, frozen=True, omit_defaults=True, tag="error"):
    """Something that the member sent was dropped; `id` is the one it gave, or empty."""

    reason: str
    detail: str
    id: str = ""


class Gap(Struct, frozen=True, omit_defaults=True, tag="gap"):
    """The member may have missed something that cannot be had any more.

    What follows is behind `epoch` and `offset`, which are empty and 0 where nothing is kept.
    """

    detail: str
    epoch: str = ""
    offset: int = 0


class Ack(Struct, frozen=True, omit_defaults=True, tag="ack"):
    """A message was accepted, and stored where the room keeps anything; `offset` is its place."""

    id: str
    epoch: str = ""
    offset: int = 0


class Renewed(Struct, frozen=True, omit_defaults=True, tag="renewed"):
    """The new token was taken; it ends at `expires_at`, seconds since 1970, or never."""

    expires_at: float | None = None


Notice = Welcome | Joined | Left | Counted | Problem | Gap | Ack | Renewed
