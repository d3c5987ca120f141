"""The other nodes, as far as this one knows: which are alive, and the members of each."""

from collections.abc import Iterator, Sequence

from camrelay.core.presence import NOBODY, Change, Presence, change

# Seconds of silence after which a node is taken for dead.
PATIENCE = 5.0


class _Node:
    """What is known of one node."""

    __slots__ = ("heard_at", "is_known", "number", "present")

    def __init__(self) -> None:
        self.heard_at = 0.0
        self.number = 0
        self.is_known = False
        self.present: dict[str, Presence] = {}


class Nodes:
    """Knows a node from its first envelope until it has been silent for PATIENCE."""

    def __init__(self) -> None:
        """No other nodes are known."""
        self._nodes: dict[str, _Node] = {}

    def __contains__(self, node: str) -> bool:
        """Whether `node` is alive."""
        return node in self._nodes

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._nodes)

    def __len__(self) -> int:
        """The number of live nodes."""
        return len(self._nodes)

    def hear(self, node: str, number: int, now: float) -> bool:
        """The envelope `number` of `node` came; False when a later one has come before.

        That happens when the node has changed to a new connection, and Redis reads on in the old
        one later.
        """
        known = self._nodes.get(node)
        if known is None:
            known = self._nodes[node] = _Node()
        if number <= known.number:
            return False
        known.number = number
        known.heard_at = now
        return True

    def learn(self, node: str) -> bool:
        """Whether what `node` retains is yet unknown here; from now on it counts as known."""
        was_known = self._nodes[node].is_known
        self._nodes[node].is_known = True
        return not was_known

    def unlearn(self, node: str | None = None) -> None:
        """What `node`, or every node, has said may be lost."""
        for name, known in self._nodes.items():
            if node is None or name == node:
                known.is_known = False

    def forget(self, node: str) -> None:
        """`node` is gone."""
        del self._nodes[node]

    def silent(self, now: float) -> Sequence[str]:
        """The nodes that have been silent for too long."""
        return [node for node, known in self._nodes.items() if known.heard_at < now - PATIENCE]

    # Presence

    def count(self, node: str, path: str, presence: Presence) -> Change | None:
        """`node` has these members in a room; what is new about it, or None."""
        known = self._nodes[node].present
        before = known.get(path, NOBODY)
        if presence.count:
            known[path] = presence
        else:
            known.pop(path, None)
        return None if presence == before else change(before, presence)

    def rooms_of(self, node: str) -> Sequence[tuple[str, Presence]]:
        """The rooms in which `node` has members."""
        return list(self._nodes[node].present.items())

    def close(self, path: str) -> None:
        """Forget who is in the room."""
        for known in self._nodes.values():
            known.present.pop(path, None)

    def members(self, path: str) -> Presence:
        """Who is in the room on all these nodes."""
        return sum((each.present.get(path, NOBODY) for each in self._nodes.values()), NOBODY)
