"""One connection, without its transport."""

from collections.abc import Hashable
from typing import Protocol

from camrelay.core.admission import Admission
from camrelay.core.dialects.dialect import Dialect
from camrelay.core.dialects.notices import Member
from camrelay.core.errors import SLOW_CONSUMER
from camrelay.core.kinds.kind import Message
from camrelay.core.limits import Allowance, Limits, Rate
from camrelay.core.outbox import Outbox
from camrelay.core.sink import Sink
from camrelay.core.traffic import Traffic


class Cancellable(Protocol):
    """A delayed call."""

    def cancel(self) -> None:
        """Do not make the call."""
        ...


class Session:
    """A member of a room: its identity, its limits, and the frames that wait for it.

    It keeps up (`outbox` is None: frames go straight to the sink), or frames wait in its outbox:
    because it is behind (the transport is full), or because it is paced (it asked for fewer
    updates). Both may be true at once.
    """

    __slots__ = (
        "_bytes",
        "_garbage",
        "_keys",
        "_messages",
        "_traffic",
        "admission",
        "expiry",
        "has_left",
        "hears_later",
        "held_back",
        "id",
        "is_behind",
        "messages_in",
        "messages_out",
        "outbox",
        "pace",
        "sink",
    )

    def __init__(
        self, id: str, admission: Admission, sink: Sink, traffic: Traffic | None = None
    ) -> None:
        """`id` is unique in the cluster; `traffic` counts what is sent here."""
        self.id = id
        self.admission = admission
        self.sink = sink
        self.outbox: Outbox | None = None
        self._messages: Allowance | None = None
        self._bytes: Allowance | None = None
        self.held_back: dict[str, Message] | None = None
        self.expiry: Cancellable | None = None
        self.has_left = False
        self.messages_in = 0
        self.messages_out = 0
        self._traffic = traffic or Traffic()
        self._garbage: Allowance | None = None
        self._keys: set[str] | None = None
        self.is_behind = False
        self.pace: Allowance | None = None
        self.hears_later = False
        if admission.hz:
            self.pace = Allowance(Rate(admission.hz, 1))
            self.outbox = self._new_outbox()

    @property
    def limits(self) -> Limits:
        """The limits of its route."""
        return self.admission.terms.limits

    @property
    def dialect(self) -> Dialect:
        """The encoding of what it is sent."""
        return self.admission.dialect

    @property
    def user(self) -> str:
        """The name that others see, or empty."""
        identity = self.admission.identity
        return self.admission.user if identity is None else identity.shown_as

    @property
    def member(self) -> Member:
        """How it is listed among the members of its room."""
        identity = self.admission.identity
        return Member(self.id, self.user, identity is not None and identity.is_guest)

    def _new_outbox(self) -> Outbox:
        limits = self.limits
        return Outbox(limits.outbox_bytes, limits.outbox_frames, self._traffic)

    def may_say(self, size: int, now: float) -> bool:
        """Whether a message of `size` bytes is within its rates; if so, it is counted."""
        if self._messages is None or self._bytes is None:
            self._messages = Allowance(self.limits.messages)
            self._bytes = Allowance(self.limits.bytes)
        return self._messages.spend(now) and self._bytes.spend(now, size)

    def must_wait(self, now: float) -> float:
        """Seconds until the next message is within its rates."""
        spent = (each for each in (self._messages, self._bytes) if each is not None)
        return max((each.wait(now) for each in spent), default=0.0)

    def may_send_garbage(self, now: float) -> bool:
        """Whether one more unusable message is within the rate of garbage."""
        if self._garbage is None:
            self._garbage = Allowance(self.limits.garbage)
        return self._garbage.spend(now)

    def may_speak_for(self, key: str) -> bool:
        """Whether a message with `key` is within the number of ids for one connection."""
        if not key:
            return True
        if self._keys is None:
            self._keys = set()
        if key not in self._keys and len(self._keys) >= self.limits.ids:
            return False
        self._keys.add(key)
        return True

    def send(self, frame: bytes, slot: Hashable = None) -> bool:
        """Send or keep one frame; False when the outbox is full, and the connection is closed."""
        if self.outbox is None:
            self._count(1)
            self.sink.write(frame)
        elif not self.outbox.offer(frame, slot):
            self.sink.close(SLOW_CONSUMER)
            return False
        return True

    def send_at_once(self, frames: bytes, count: int) -> None:
        """Send `count` joined frames, also to a paced session; one that is behind has to wait."""
        if self.is_behind:
            self.send(frames)
            count -= 1
        else:
            self.sink.write(frames)
        self._count(count)

    def fall_behind(self) -> None:
        """The transport is full: from now on frames wait."""
        self.is_behind = True
        if self.outbox is None:
            self.outbox = self._new_outbox()

    def catch_up(self) -> None:
        """The transport has room again: send what waited, unless the session is paced.

        The write may cause backpressure again; then the session is behind again.
        """
        self.is_behind = False
        outbox = self.outbox
        if outbox is not None and self.pace is None:
            self.outbox = None
            self._empty(outbox)

    @property
    def has_waiting(self) -> bool:
        """Frames wait in the outbox."""
        return self.outbox is not None and len(self.outbox) > 0

    def hear(self) -> None:
        """Send what waits for a paced session."""
        if self.outbox is not None:
            self._empty(self.outbox)

    def _empty(self, outbox: Outbox) -> None:
        if len(outbox):
            self._count(len(outbox))
            self.sink.write(outbox.take())

    def _count(self, sent: int) -> None:
        self.messages_out += sent
        self._traffic.sent += sent
