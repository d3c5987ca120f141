"""All metrics of a process, whenever somebody asks."""

from collections.abc import Callable, Iterable

from camrelay.ops.families import Families, Family, merged


class Metrics:
    """Numbers stay where they arise; here is where to look for them."""

    def __init__(self) -> None:
        """Nobody has any yet."""
        self._sources: list[Callable[[], Iterable[Family]]] = []

    def add(self, *sources: Callable[[], Iterable[Family]]) -> None:
        """Look there, too."""
        self._sources += sources

    def __call__(self) -> Families:
        """What all sources have now."""
        return merged(list(source()) for source in self._sources)
