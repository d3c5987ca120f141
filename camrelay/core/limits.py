"""Rate limits, and the bounds of the queues of one connection."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `per_second` events a second on average, `burst` at once; 0 a second: no limit."""

    per_second: float
    burst: float

    @property
    def interval(self) -> float:
        """Seconds between two events at the full rate."""
        return 1.0 / self.per_second if self.per_second else 0.0

    @property
    def slack(self) -> float:
        """How many seconds the spender may be ahead of the full rate."""
        return max(0.0, self.burst - 1.0) * self.interval if self.per_second else inf


class Allowance:
    """How much of a rate one spender has left.

    The generic cell rate algorithm (ITU-T I.371 annex A) in its virtual scheduling form: one
    number of state, the time from which the next event may happen. Times are seconds of any clock
    that does not run backwards.
    """

    __slots__ = ("_free_at", "_interval", "_slack")

    def __init__(self, rate: Rate) -> None:
        """A full allowance."""
        self._interval = rate.interval
        self._slack = rate.slack
        self._free_at = -inf

    def spend(self, now: float, cost: float = 1.0) -> bool:
        """Whether one more event may happen at `now`; if so, it is taken off.

        One that counts for several (`cost`) may go over the rate, and the next ones wait for it.
        """
        free_at = self._free_at
        if now < free_at:
            return False
        full_at = now - self._slack
        self._free_at = (full_at if free_at < full_at else free_at) + self._interval * cost
        return True

    def wait(self, now: float) -> float:
        """Seconds until `spend` will say yes again."""
        return max(0.0, self._free_at - now)


class Shares:
    """An allowance for each of many spenders; whoever has not spent for longest is forgotten."""

    def __init__(self, rate: Rate, most: int = 10_000) -> None:
        """Each has `rate`; `most` spenders are remembered."""
        self._rate = rate
        self._most = most
        self._allowances: dict[str, Allowance] = {}

    def spend(self, who: str, now: float) -> bool:
        """Whether `who` may do one more thing at `now`; if so, it is taken off."""
        allowance = self._allowances.pop(who, None) or Allowance(self._rate)
        self._allowances[who] = allowance
        if len(self._allowances) > self._most:
            del self._allowances[next(iter(self._allowances))]
        return allowance.spend(now)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one connection.

    `messages` and `bytes`: the rates at which it may publish. `message_size`: bytes of one message.
    `garbage`: the rate of unusable messages above which it is closed. `outbox_bytes` and
    `outbox_frames`: what it may leave unread before it is closed. `ids`: how many cameras it may
    send for. `retain`: seconds for which its last positions are kept after it has closed.
    `members`: how many members a room may have in the whole cluster; 0: no limit.
    """

    messages: Rate = Rate(250, 500)
    bytes: Rate = Rate(4 << 20, 8 << 20)
    message_size: int = 65536
    garbage: Rate = Rate(100, 500)
    outbox_bytes: int = 1 << 20
    outbox_frames: int = 4096
    ids: int = 64
    retain: float = 0.0
    members: int = 0


USUAL_LIMITS = Limits()
