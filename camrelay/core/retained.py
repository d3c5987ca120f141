"""The newest position of each camera, for those who join."""

from collections.abc import Callable, Iterator

from camrelay.core.publication import Publication, Slot

MAX_BYTES = 1 << 20


class Retained:
    """Publications by slot, the most recent last.

    Bounded at MAX_BYTES of frames, which is what a joiner that does not read can cost: the oldest
    position is dropped first.
    """

    __slots__ = ("_bytes", "_newest")

    def __init__(self) -> None:
        """Nothing is retained."""
        self._newest: dict[Slot, Publication] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """The number of cameras."""
        return len(self._newest)

    def __iter__(self) -> Iterator[Publication]:
        """What is retained, the most recent last."""
        return iter(self._newest.values())

    def get(self, slot: Slot) -> Publication | None:
        """The newest position of `slot`, if there is one."""
        return self._newest.get(slot)

    def keep(self, slot: Slot, publication: Publication) -> None:
        """`publication` is the newest of its slot."""
        newest = self._newest
        self._drop(slot)
        newest[slot] = publication
        self._bytes += len(publication.frame)
        while self._bytes > MAX_BYTES:
            self._drop(next(iter(newest)))

    def forget(self, is_over: Callable[[Publication], bool]) -> None:
        """Drop the publications for which `is_over` returns True."""
        for slot in [slot for slot, kept in self._newest.items() if is_over(kept)]:
            self._drop(slot)

    def _drop(self, slot: Slot) -> None:
        dropped = self._newest.pop(slot, None)
        if dropped is not None:
            self._bytes -= len(dropped.frame)
