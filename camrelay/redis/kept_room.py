"""One open room whose history is in Redis.

What is stored comes here twice: as the answer to the node that appended it, and on the channel of
the room, to which every node with members there listens. Where something is missing, after each new
connection, and once in a while, the room is compared with Redis, and what was missed is read.

    opening ── listening ── compared ──┬── it stands: entries are told, appends are sent
                                       └── it cannot be: Rejected, and tried until it stands
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from camrelay.core.history import Entry, Keep, Page, Position, Said
from camrelay.core.sequencer import Sequencer
from camrelay.ports import Answer, Timer
from camrelay.redis.early import Early, Question
from camrelay.redis.envelope import Unreadable
from camrelay.redis.errors import LinkError, Unanswered
from camrelay.redis.history_scripts import NOWHERE, Found
from camrelay.redis.ledger import Ledger
from camrelay.redis.reads import Reads
from camrelay.redis.shared import NOT_READ, NOT_STORED, PERHAPS_STORED, Shared
from camrelay.redis.state import State, in_words
from camrelay.redis.stored import history_channel, news_from_bytes

# Seconds that an entry may be behind a later one before it is fetched.
PATIENCE = 0.05

# Why there is a gap.
LOST = "Redis has lost messages of this room"
GONE = "messages sent in the meantime are no longer kept"
UNKNOWN = "messages sent in the meantime are not known here"

FORBIDDEN = "the user in the URL is not permitted to listen there"


class KeptRoom:
    """Reports each entry once, in order and without a gap."""

    def __init__(self, path: str, keep: Keep, shared: Shared) -> None:
        """Nothing happens before `open`."""
        self._path = path
        self._shared = shared
        self._channel = history_channel(path)
        self._ledger = Ledger(shared.link, path, keep)
        self._reads = Reads(self._ledger, shared)
        self._early = Early(shared)
        self._epoch = ""  # empty as long as it is not known where the room stands
        self._sequencer = Sequencer(0)
        self._newest: int | None = None  # the hash of what was told last, if that is known
        self._opened: Answer[Position] | None = None
        self._awaited: dict[Position, Answer[Position]] = {}  # stored, and not told yet
        self._listens: bool | None = None  # None: that is not decided yet
        self._is_closed = False
        self._is_looking = False
        self._must_look = False
        self._timer: Timer | None = None

    # Opening and closing

    def open(self, done: Answer[Position]) -> None:
        """Subscribe, and then find the room's position: later entries are received."""
        self._opened = done
        self._listen()
        if self._is_hopeless:
            self.give_up(self._shared.link.status.reason)

    def _listen(self) -> None:
        self._listens = None
        subscribed = self._shared.link.subscribe(self._channel, self._hear)
        subscribed.addCallback(self._subscribed)

    def _subscribed(self, is_subscribed: bool) -> None:
        if self._is_closed:
            return
        self._listens = is_subscribed
        if not is_subscribed:
            self.give_up(FORBIDDEN)
        elif self._shared.link.state.answers:
            self.look()

    def link_came_up(self) -> None:
        """Compare with Redis: entries that were stored meanwhile were not received."""
        if self._listens is False:
            self._shared.link.unsubscribe(self._channel)
            self._listen()
        elif self._listens:
            self.look()

    def give_up(self, why: str) -> None:
        """Answer all that wait for the room's position: it will not be known soon."""
        opened, self._opened = self._opened, None
        if opened is not None:
            self._shared.refuse(opened, NOT_READ, why)
        self._early.refuse(why)

    def close(self) -> None:
        """Stop reporting. Waiting appends are still sent."""
        self._is_closed = True
        self._shared.link.unsubscribe(self._channel)
        if self._timer is not None:
            self._timer.cancel()
        if self._opened is not None:
            answer = self._ledger.catch_up(NOWHERE)
            answer.addCallbacks(self._found_closed, self._not_found)
        self._early.ask()
        for position in list(self._awaited):
            self._answer(position)

    def _found_closed(self, there: Found) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            self._shared.call(opened, Position(there.epoch, there.top))

    # Asked by members

    def append(self, said: Said, done: Answer[Position]) -> None:
        """See History."""
        ask = partial(self._append, said, done)
        self._when_it_stands(Question(ask, done, NOT_STORED, len(said.message.body)))

    def read(self, after: int | None, limit: int, done: Answer[Page]) -> None:
        """See History."""
        ask = partial(self._reads.read, after, limit, done)
        self._when_it_stands(Question(ask, done, NOT_READ))

    def _when_it_stands(self, question: Question) -> None:
        if self._epoch:
            question.ask()
        elif self._is_hopeless:
            why = self._shared.link.status.reason or FORBIDDEN
            self._shared.refuse(question.done, question.otherwise, why)
        else:
            self._early.add(question)

    @property
    def _is_hopeless(self) -> bool:
        """Whether the room's position will not be known soon."""
        return self._listens is False or self._shared.link.state is State.DOWN

    def _append(self, said: Said, done: Answer[Position]) -> None:
        stored = self._ledger.append(said, self._position)
        stored.addCallbacks(
            self._stored, self._not_stored, callbackArgs=(said, done), errbackArgs=(done,)
        )

    @property
    def _position(self) -> Position:
        return Position(self._epoch, self._sequencer.offset)

    def _stored(self, position: Position, said: Said, done: Answer[Position]) -> None:
        self._shared.has_stored()
        epoch, offset = position
        is_told = epoch == self._epoch and offset <= self._sequencer.offset
        if self._is_closed or is_told:
            self._shared.call(done, position)
            return
        self._awaited[position] = done
        self._take(epoch, Entry(offset, said))

    def _not_stored(self, failure: Failure, done: Answer[Position]) -> None:
        failure.trap(LinkError)
        what = PERHAPS_STORED if failure.check(Unanswered) else NOT_STORED
        self._shared.refuse(done, what, in_words(failure))

    # News

    def _hear(self, data: bytes) -> None:
        try:
            news = news_from_bytes(data)
        except Unreadable as error:
            self._shared.journal.unreadable(str(error))
            self.look()
        else:
            self._take(news.epoch, news.entry)

    def _take(self, epoch: str, entry: Entry) -> None:
        if epoch == self._epoch:
            self._tell(self._sequencer.take((entry,)))
            self._mind_holes()
        else:
            self.look()

    def _tell(self, entries: Sequence[Entry]) -> None:
        if not entries or self._is_closed:
            return
        self._newest = hash(entries[-1].said)
        self._shared.call(self._shared.relay.stored, self._path, self._epoch, entries)
        if self._awaited:
            for entry in entries:
                self._answer(Position(self._epoch, entry.offset))

    def _answer(self, position: Position, why: str = "") -> None:
        """Who waits until the entry at `position` is told; with `why` it will never be."""
        done = self._awaited.pop(position, None)
        if done is not None and why:
            self._shared.refuse(done, PERHAPS_STORED, why)
        elif done is not None:
            self._shared.call(done, position)

    def _break(self, at: Position, why: str) -> None:
        self._shared.call(self._shared.relay.broken, self._path, at, why)

    def _mind_holes(self) -> None:
        if self._sequencer.missing and self._timer is None and not self._is_closed:
            self._timer = self._shared.clock.later(PATIENCE, self._look_for_holes)

    def _look_for_holes(self) -> None:
        self._timer = None
        if self._sequencer.missing:
            self.look()

    # Comparing with Redis

    def look(self) -> None:
        """Compare with Redis and read missed entries, when it is this room's turn."""
        if not self._epoch and not self._shared.link.state.answers:
            return  # news came before commands can be sent: this is done when the link is up
        self._must_look = True
        if not self._is_looking:
            self._is_looking = True
            self._shared.looks.enter(self._look)

    def _look(self) -> Deferred[Any]:
        self._must_look = False
        if self._is_closed:
            return succeed(None)
        known = self._position
        answer = self._ledger.catch_up(known).addCallback(self._found, known)
        return answer.addErrback(self._not_found).addBoth(self._looked)

    def _looked(self, result: Any) -> Any:
        self._is_looking = False
        if self._must_look:
            self.look()
        return result

    def _found(self, there: Found, known: Position) -> Deferred[None] | None:
        if self._is_closed:
            self._found_closed(there)
        elif not self._epoch:
            self._stand(there)
        elif there.epoch != self._epoch:
            self._begin_anew(there)
        elif self._has_forked(there, known):
            self._must_look = True
            return self._ledger.renew(self._epoch)
        else:
            self._fill(there)
        return None

    def _not_found(self, failure: Failure) -> None:
        failure.trap(LinkError)
        why = in_words(failure)
        self.give_up(why)
        for position in list(self._awaited):
            self._answer(position, why)
        self._must_look = False
        if not self._is_closed:
            self._shared.to_look_again.add(self)

    def _stand(self, there: Found) -> None:
        self._epoch = there.epoch
        self._sequencer = Sequencer(there.top)
        if there.entries and there.entries[-1].offset == there.top:
            self._newest = hash(there.entries[-1].said)
        opened, self._opened = self._opened, None
        self._early.ask()
        if opened is not None:
            self._shared.call(opened, self._position)
        else:
            self._break(self._position, UNKNOWN)

    def _has_forked(self, there: Found, known: Position) -> bool:
        """Whether Redis has another entry at a known offset: its data was set back."""
        if there.top < known.offset:
            return True
        if known.offset != self._sequencer.offset or self._newest is None:
            return False
        same = [each for each in there.entries[:1] if each.offset == known.offset]
        return bool(same) and hash(same[0].said) != self._newest

    def _begin_anew(self, there: Found) -> None:
        over = [position for position in self._awaited if position.epoch != there.epoch]
        self._epoch = there.epoch
        self._sequencer = Sequencer(there.base)
        self._newest = None
        for position in over:
            self._answer(position, LOST)
        self._break(self._position, LOST)
        self._fill(there)

    def _fill(self, there: Found) -> None:
        """Report missed entries; those that are neither here nor in Redis are lost."""
        for run in _runs(there.entries):
            self._lose(run[0].offset - 1)
            self._tell(self._sequencer.take(run))
        self._lose(there.end)
        self._must_look = self._must_look or there.end < there.top
        self._mind_holes()

    def _lose(self, up_to: int) -> None:
        if up_to <= self._sequencer.offset or self._is_closed:
            return
        following = self._sequencer.skip_to(up_to)
        lost = Position(self._epoch, up_to)
        self._newest = None
        self._break(lost, GONE)
        for position in sorted(self._awaited):
            if position.epoch == lost.epoch and position <= lost:
                self._answer(position)
        self._tell(following)


def _runs(entries: Sequence[Entry]) -> Sequence[Sequence[Entry]]:
    """`entries` in parts without gaps."""
    runs: list[list[Entry]] = []
    for entry in entries:
        if runs and entry.offset == runs[-1][-1].offset + 1:
            runs[-1].append(entry)
        else:
            runs.append([entry])
    return runs
