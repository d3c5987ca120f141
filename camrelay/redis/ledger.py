"""The history of one room in Redis: a method for each script."""

from twisted.internet.defer import Deferred

from camrelay.core.history import Keep, Page, Position, Said
from camrelay.redis.history_scripts import (
    APPEND,
    CATCH_UP,
    MOST_BYTES,
    MOST_ENTRIES,
    READ,
    RENEW,
    Found,
    append_words,
    find_words,
    found,
    new_epoch,
    page,
    place,
    place_key,
    stream_key,
)
from camrelay.redis.link import RedisLink
from camrelay.redis.stored import history_channel


class Ledger:
    """Fails with a LinkError: see camrelay.redis.errors."""

    def __init__(self, link: RedisLink, path: str, keep: Keep) -> None:
        """The room at `path`, which keeps as much as `keep` says."""
        self._link = link
        self._keep = keep
        self._channel = link.channel(history_channel(path))
        self._keys = (place_key(path), stream_key(path))

    def append(self, said: Said, known: Position) -> Deferred[Position]:
        """Store `said` and tell all nodes; gives its place.

        Where Redis knows less than `known`, a new epoch begins first.
        """
        words = append_words(self._channel, self._keep, said, known)
        return self._link.evaluate(APPEND, self._keys, words).addCallback(place)

    def catch_up(self, known: Position) -> Deferred[Found]:
        """Where the room stands, and its entries from `known` on."""
        words = (*find_words(self._keep), *known, MOST_ENTRIES, MOST_BYTES)
        return self._link.evaluate(CATCH_UP, self._keys, words).addCallback(found)

    def renew(self, epoch: str) -> Deferred[None]:
        """End `epoch`, if that has not been done: offsets in it have been given twice."""
        return self._link.evaluate(RENEW, self._keys, (epoch, new_epoch()))

    def read(self, after: int | None, limit: int, now: float) -> Deferred[Page]:
        """A part of what is kept; `now` is in seconds since 1970."""
        since = round((now - self._keep.seconds) * 1000)
        behind = "" if after is None else after
        words = (*find_words(self._keep), self._keep.messages, since, behind, limit)
        return self._link.evaluate(READ, self._keys, words).addCallback(page)
