"""The interface of channels, and its guarantees for every implementation.

A message is bytes: what they mean is the business of the two ends, and nothing on the way can
change or refuse them. It goes to the back of its channel and is taken from the front, by exactly
one receiver, at most once. Nobody takes it for `expiry` seconds: it is gone. The channel holds
`capacity` messages already: the sender gets ChannelFull, and nothing else happens.

A group is a set of channels. A message to the group is a message to each of them.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred

from camrelay.core.errors import Denied
from camrelay.core.names import room_name

MOST_BYTES = 1 << 20
"""The longest message."""


class ChannelFull(Exception):
    """A message was not sent, because too many wait in its channel."""

    def __init__(self, channel: str, capacity: int) -> None:
        """`capacity`: how many may wait."""
        super().__init__(
            f"channel {channel!r} is full: {capacity} messages wait in it. Receive them faster, or "
            "allow more with ChannelLimits(capacity=...)"
        )
        self.channel = channel


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """How long a message waits (seconds), how many may wait in a channel, and how long a channel
    is in a group unless it is added again (seconds)."""

    expiry: float = 60.0
    capacity: int = 100
    membership: float = 86400.0

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be meant."""
        if min(self.expiry, self.membership) < 0.001 or self.capacity < 1:
            raise ValueError(f"{self}: times must be at least 0.001 s, the capacity at least 1")


class GroupSent(NamedTuple):
    """What came of a message to a group: how many channels took it, and which were full."""

    sent: int
    full: tuple[str, ...]


class Channels(Protocol):
    """Send and receive. A name has 1 to 64 letters and digits of any language, `_`, `-` and `.`.

    Every method raises ValueError for a name or message that cannot be used. What fails because
    of Redis fails with a `camrelay.redis.errors.LinkError`.
    """

    def send(
        self, channel: str, message: bytes, limits: ChannelLimits | None = None
    ) -> Deferred[None]:
        """Put a message into a channel. Fails with ChannelFull.

        `limits` replaces those of the channels for this message.
        """
        ...

    def receive(self, channel: str, wait: float | None = None) -> Deferred[bytes | None]:
        """Take the next message, and wait for one up to `wait` seconds; by default for ever.

        Fires with None when none came. Who waits longer gets first. A cancelled receive takes
        nothing: a message that was on its way to it goes back to the front.
        """
        ...

    def add(self, group: str, channel: str) -> Deferred[None]:
        """Make the channel a member of the group, or prolong its membership."""
        ...

    def discard(self, group: str, channel: str) -> Deferred[None]:
        """The channel is no member any more."""
        ...

    def send_to_group(
        self, group: str, message: bytes, limits: ChannelLimits | None = None
    ) -> Deferred[GroupSent]:
        """Send to all members at once. Full channels do not keep the others from getting it."""
        ...


def checked_name(name: str) -> str:
    """The name as all spell it. Raises ValueError with the rule in its text."""
    try:
        return room_name(name)
    except Denied as denied:
        raise ValueError(denied.text) from None


def checked_message(message: bytes) -> bytes:
    """The message, if it can be sent. Raises ValueError with what to change in its text."""
    if not isinstance(message, bytes):
        kind = type(message).__name__
        raise ValueError(
            f"a message is bytes, not {kind}: encode it, with json.dumps(...).encode()"
        )
    if len(message) > MOST_BYTES:
        raise ValueError(
            f"a message of {len(message)} bytes is too long: store it elsewhere and send where "
            f"(at most {MOST_BYTES} bytes)"
        )
    return message
