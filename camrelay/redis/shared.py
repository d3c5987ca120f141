"""What the rooms with a history share on one node."""

from collections.abc import Callable
from typing import Any

from camrelay.core.errors import Rejected
from camrelay.ports import Answer, Clock, HistoryJournal, Remembering
from camrelay.redis.gaps import Gaps
from camrelay.redis.link import RedisLink
from camrelay.redis.turnstile import Turnstile

# Rooms that are compared with Redis, and questions of members that are asked, at the same time.
MOST_LOOKS = 16
MOST_READS = 16

# What members are told, with the reason behind a colon.
NOT_STORED = "this was not stored in Redis"
PERHAPS_STORED = "it is unknown whether this was stored in Redis"
NOT_READ = "earlier messages cannot be read from Redis"


class Shared:
    """The link and the relay, the bounds, and the journal with what is in the way."""

    def __init__(
        self, link: RedisLink, clock: Clock, relay: Remembering, journal: HistoryJournal
    ) -> None:
        """Nothing is under way."""
        self.link = link
        self.clock = clock
        self.relay = relay
        self.journal = journal
        self.looks = Turnstile(MOST_LOOKS)
        self.reads = Turnstile(MOST_READS)
        self.early_bytes = 0
        self.to_look_again: set[Any] = set()
        self._refused = Gaps(journal.not_stored)
        self._is_in_trouble = False

    def call(self, call: Callable[..., None], *arguments: object) -> None:
        """Log an exception of a callback: the others must still get their answers."""
        try:
            call(*arguments)
        except Exception:
            self.journal.failed("history")

    def refuse(self, done: Answer[Any], what: str, why: str) -> None:
        """Answer that something cannot be had; the journal is told in sums."""
        self._refused.add(1, why)
        self._is_in_trouble = True
        self.call(done, Rejected("not-stored", f"{what}: {why}", is_garbage=False))

    def has_stored(self) -> None:
        """Something was."""
        if self._is_in_trouble:
            self._is_in_trouble = False
            self._refused.tell_all()
            self.journal.stores_again()

    def tell_refused(self, is_last: bool = False) -> None:
        """Tell the journal how much was refused, now and then, and for the last time."""
        if is_last:
            self._refused.tell_all()
        else:
            self._refused.tell(self.clock.now())
