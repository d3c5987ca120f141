"""One connection as the rules see it."""

from collections.abc import Hashable

from camrelay.core.admission import Admission
from camrelay.core.errors import SLOW_CONSUMER
from camrelay.core.kinds.kind import Message
from camrelay.core.limits import Allowance, Limits
from camrelay.core.outbox import Outbox
from camrelay.core.sink import Sink


class Session:
    """A member of a room: who it is, what it may do, and what it still has to get.

    It keeps up (`outbox` is None: frames go straight to the sink), or it is behind (frames wait
    in the outbox until the transport takes more).
    """

    __slots__ = (
        "_garbage",
        "_keys",
        "_limits",
        "admission",
        "allowance",
        "held_back",
        "id",
        "messages_in",
        "messages_out",
        "outbox",
        "sink",
    )

    def __init__(self, id: str, admission: Admission, sink: Sink, limits: Limits) -> None:
        """`id` is unique in the cluster."""
        self.id = id
        self.admission = admission
        self.sink = sink
        self.outbox: Outbox | None = None
        self.allowance = Allowance(limits.messages)
        self.held_back: dict[str, Message] | None = None
        self.messages_in = 0
        self.messages_out = 0
        self._garbage = Allowance(limits.garbage)
        self._keys: set[str] | None = None
        self._limits = limits

    def may_send_garbage(self, now: float) -> bool:
        """Whether one more unusable message is still borne with."""
        return self._garbage.spend(now)

    def may_speak_for(self, key: str) -> bool:
        """Whether a message under `key` fits into the number of ids of one connection."""
        if not key:
            return True
        if self._keys is None:
            self._keys = set()
        if key not in self._keys and len(self._keys) >= self._limits.ids:
            return False
        self._keys.add(key)
        return True

    def send(self, frame: bytes, slot: Hashable = None) -> bool:
        """Send or keep one frame; False when the outbox is full, and the connection is closed."""
        if self.outbox is None:
            self.sink.write(frame)
        elif not self.outbox.offer(frame, slot):
            self.sink.close(SLOW_CONSUMER)
            return False
        self.messages_out += 1
        return True

    def fall_behind(self) -> None:
        """The transport takes no more: from now on frames wait."""
        if self.outbox is None:
            self.outbox = Outbox(self._limits.outbox_bytes, self._limits.outbox_frames)

    def catch_up(self) -> None:
        """The transport takes more: what waited leaves in one write.

        The write may meet backpressure again; the session is behind again then.
        """
        outbox, self.outbox = self.outbox, None
        if outbox is not None:
            self.messages_out -= outbox.conflated
            waiting = outbox.take()
            if waiting:
                self.sink.write(waiting)
