"""Who is in a room: a count, and names as long as they are few enough to be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from camrelay.core.dialects.notices import Member

# Members that are named: nobody reads the names of a bigger crowd, and all are told each change.
NAMED = 100


@dataclass(frozen=True, slots=True)
class Presence:
    """`count` members, of which at most NAMED are named."""

    count: int = 0
    members: tuple[Member, ...] = ()

    def __add__(self, other: "Presence") -> "Presence":
        """Both crowds as one."""
        return Presence(self.count + other.count, (self.members + other.members)[:NAMED])


NOBODY = Presence()


class Sight(NamedTuple):
    """Who is in a room. `missing` says, for people, who may be there besides; empty when nobody."""

    presence: Presence
    missing: str = ""


class Census(NamedTuple):
    """The number of members of each open room; `missing` as in Sight."""

    members: Mapping[str, int]
    missing: str = ""


class Change(NamedTuple):
    """Who came and who went, between two looks at a room."""

    joined: Sequence[Member]
    left: Sequence[Member]


def change(before: Presence, after: Presence) -> Change:
    """What the names say; changes among those who are not named are only in the count."""
    then = {member.id for member in before.members}
    now = {member.id for member in after.members}
    return Change(
        [member for member in after.members if member.id not in then],
        [member for member in before.members if member.id not in now],
    )
