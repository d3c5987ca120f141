"""What a room tells a member besides publications. Empty fields are left out."""

from msgspec import Struct


class Member(Struct, frozen=True, omit_defaults=True):
    """A member of a room: the id of its session, and the name that others see, or empty.

    `guest`: it chose its name itself, and others may have the same.
    """

    id: str
    user: str = ""
    guest: bool = False


class Welcome(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="welcome"):
    """The first notice to a new member.

    `id` and `user`: how others see it. `epoch` and `offset`: the following publications come after
    this position; empty and 0 without a history. `recovered`: whether this is the position that it
    resumed from, so that nothing is missing; None if it did not resume. `members`: itself and
    others, at most 100 of `count`. `time`: the server's, seconds since 1970.
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
    """A member joined; the room now has `count` members."""

    member: Member
    count: int


class Left(Struct, frozen=True, omit_defaults=True, tag="leave"):
    """A member left; the room now has `count` members."""

    member: Member
    count: int


class Counted(Struct, frozen=True, omit_defaults=True, tag="count"):
    """The room now has `count` members: too many to name each one that joins or leaves."""

    count: int


class Problem(Struct, frozen=True, omit_defaults=True, tag="error"):
    """A message of the member was dropped; `id` is the one that it gave, or empty."""

    reason: str
    detail: str
    id: str = ""


class Gap(Struct, frozen=True, omit_defaults=True, tag="gap"):
    """The member may have missed messages that are lost for good.

    The following ones come after `epoch` and `offset`, which are empty and 0 without a history.
    """

    detail: str
    epoch: str = ""
    offset: int = 0


class Ack(Struct, frozen=True, omit_defaults=True, tag="ack"):
    """A message was accepted, and stored if the room keeps history; `offset` is its position."""

    id: str
    epoch: str = ""
    offset: int = 0


class Renewed(Struct, frozen=True, omit_defaults=True, tag="renewed"):
    """The new token was accepted; it expires at `expires_at`, seconds since 1970, or never."""

    expires_at: float | None = None


Notice = Welcome | Joined | Left | Counted | Problem | Gap | Ack | Renewed
