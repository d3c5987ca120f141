"""What nodes say to each other about themselves: who lives, and what each one retains.

A node that is new, or may have said something in vain, says hello. Whoever hears of a node for the
first time, or for the first time since its own link broke, asks it about the own rooms. The answer
is all that the node has there, so that both what is new and what is over arrives.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from camrelay.core.presence import Presence
from camrelay.core.publication import Remote
from camrelay.ports import BusJournal, Clock, Clustered
from camrelay.redis.carrier import Carrier
from camrelay.redis.echo import Echo
from camrelay.redis.envelope import (
    NO_NODE,
    NODES,
    ROOMS_AT_ONCE,
    Alive,
    Answer,
    Ask,
    Bye,
    Carried,
    Envelope,
    Hello,
    Left,
    Members,
    Rooms,
    Snapshot,
    Survey,
    Turn,
    Unreadable,
    carried,
    from_bytes,
    node_channel,
)
from camrelay.redis.errors import LinkError
from camrelay.redis.nodes import PATIENCE, Nodes
from camrelay.redis.surveys import Surveys, told
from camrelay.redis.turnstile import Turnstile

# About the bytes of one Answer, so that neither node is busy with one for long.
ANSWER_SIZE = 256 << 10
# Questions and answers about many rooms that may be under way at the same time. All at once would
# keep messages waiting, and with many nodes be more than may be under way.
AT_ONCE = 2


class Conversation:
    """This node among the others."""

    relay: Clustered

    def __init__(
        self,
        node: str,
        carrier: Carrier,
        members: Mapping[str, int],
        clock: Clock,
        journal: BusJournal,
    ) -> None:
        """`node` is this one; `members` has every open room, with the number of members here."""
        self._node = node
        self._carrier = carrier
        self._members = members
        self._journal = journal
        self.nodes = Nodes()
        self.echo = Echo()
        self._turns = Turnstile(AT_ONCE)
        self.surveys = Surveys(self.nodes, clock, self._ask_for_rooms)
        self._must_greet = False

    # Speaking

    def say(self, channel: str, kind: type[Envelope], *fields: Any) -> Deferred[Any]:
        """Say what has to arrive: when it cannot, this node says hello later and is asked.

        Fires when Redis has it, or when it cannot have it.
        """
        return self._carrier.say(channel, kind, *fields).addErrback(self._not_said)

    def _not_said(self, failure: Failure) -> None:
        failure.trap(LinkError)
        self._must_greet = True
        self.echo.lost()
        self.nodes.unlearn()  # it may have been a question

    def link_came_up(self) -> None:
        """What was said meanwhile, here and elsewhere, is lost."""
        self.echo.lost()
        self.nodes.unlearn()
        self._greet()

    def _greet(self) -> None:
        self._must_greet = False
        self.say(NODES, Hello)

    def speak(self, now: float) -> None:
        """A sign of life."""
        if self._must_greet and not self._carrier.is_slow:
            self._greet()
        else:
            self.echo.said(self._carrier.number + 1, now)  # before: it may fail at once
            self.say(NODES, Alive)

    def end(self) -> None:
        """Nobody has to wait for this node."""
        self.say(NODES, Bye)

    def _ask(self, node: str) -> None:
        paths = list(self._members)
        for start in range(0, len(paths), ROOMS_AT_ONCE):
            some = paths[start : start + ROOMS_AT_ONCE]
            self._turns.enter(partial(self.say, node_channel(node), Ask, some))

    def _answer(self, node: str, paths: Iterable[str]) -> Deferred[Any]:
        said: list[Deferred[Any]] = []
        rooms: list[Snapshot] = []
        size = 0
        for path in paths:
            retained = [carried(publication) for publication in self.relay.retained(path)]
            named = tuple(self.relay.present(path))
            rooms.append(Snapshot(path, self._members.get(path, 0), retained, named))
            size += len(path) + sum(len(publication.body) for publication in retained)
            if size > ANSWER_SIZE:
                said.append(self.say(node_channel(node), Answer, rooms))
                rooms, size = [], 0
        said.append(self.say(node_channel(node), Answer, rooms))
        return DeferredList(said)

    def _ask_for_rooms(self) -> int:
        self._mention(NODES, Survey)
        return self._carrier.number

    def _tell_rooms(self, node: str, survey: int) -> None:
        if not self._carrier.is_slow:
            for part in told(self._members):
                self._mention(node_channel(node), Rooms, survey, *part)

    def _mention(self, channel: str, kind: type[Envelope], *fields: Any) -> None:
        """Say what need not arrive: whoever waits for it does not wait for long."""
        self._carrier.say(channel, kind, *fields).addErrback(Failure.trap, LinkError)

    # Listening

    def hear(self, data: bytes, now: float) -> None:
        """Another node, or the own one, or a program has said something."""
        try:
            envelope = from_bytes(data)
        except Unreadable as error:
            self._journal.unreadable(str(error))
            return
        node = envelope.node
        if node == NO_NODE and isinstance(envelope, Turn):
            self.relay.take(envelope.path, node, _remotes(envelope.publications))
        elif node not in (NO_NODE, self._node):
            self._hear_node(node, envelope, now)
        elif isinstance(envelope, Alive):
            self.echo.heard(envelope.number, now)

    def _hear_node(self, node: str, envelope: Envelope, now: float) -> None:
        is_new = node not in self.nodes
        if not self.nodes.hear(node, envelope.number, now):
            self._journal.late(node)
            return
        if isinstance(envelope, Bye):
            self._forget(node, "it stopped")
            return
        if is_new:
            self._journal.node_came(node)
        self._take_in(node, envelope)
        if self.nodes.learn(node):
            self._ask(node)

    def _take_in(self, node: str, envelope: Envelope) -> None:
        match envelope:
            case Turn(path=path, publications=publications):
                self.relay.take(path, node, _remotes(publications))
            case Left(path=path, publishers=publishers):
                self.relay.forget(path, publishers)
            case Members(path=path, count=count, named=named):
                self._count(node, path, Presence(count, named))
            case Ask(paths=paths):
                self._turns.enter(partial(self._answer, node, paths))
            case Answer(rooms=rooms):
                for room in rooms:
                    self.relay.replace(room.path, node, _remotes(room.retained))
                    self._count(node, room.path, Presence(room.members, room.named))
            case Hello():
                self.nodes.unlearn(node)
            case _:
                self._take_part(node, envelope)

    def _take_part(self, node: str, envelope: Envelope) -> None:
        """In a survey: this node's, or that of another one."""
        if isinstance(envelope, Survey):
            self._tell_rooms(node, envelope.number)
        elif isinstance(envelope, Rooms):
            self.surveys.hear(envelope)

    # The other nodes

    def forget_silent(self, now: float) -> None:
        """A node that has not been heard for long is dead, for all that can be known here."""
        for node in self.nodes.silent(now):
            self._forget(node, f"silent for {PATIENCE:.0f} s")

    def _forget(self, node: str, why: str) -> None:
        rooms = self.nodes.rooms_of(node)
        self.nodes.forget(node)
        self.relay.forget_node(node)
        for path, presence in rooms:
            self.relay.presence_changed(path, (), presence.members)
        self._journal.node_went(node, why)

    def _count(self, node: str, path: str, presence: Presence) -> None:
        if path in self._members:
            changed = self.nodes.count(node, path, presence)
            if changed is not None:
                self.relay.presence_changed(path, *changed)

    def members(self, path: str) -> Presence:
        """Who is in the room on other nodes, as they have said last."""
        return self.nodes.members(path)

    def close(self, path: str) -> None:
        """Nobody asks about the room any more."""
        self.nodes.close(path)


def _remotes(publications: Sequence[Carried]) -> Sequence[Remote]:
    return [
        Remote(each.publisher, each.sequence, each.message, each.at, each.user)
        for each in publications
    ]
