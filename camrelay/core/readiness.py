"""Whether this node accepts new clients, and the reasons why not."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

STARTING = "starting"
DRAINING = "draining"


class Readiness:
    """A node is ready when there is no reason against it.

    Each reason has a short name, by which it is withdrawn, and a text for people.
    """

    def __init__(self) -> None:
        """Not ready yet: the reason STARTING is withdrawn when the node has started."""
        self._reasons = {STARTING: "the server is starting"}
        self._observers: list[Callable[[], None]] = []

    @property
    def reasons(self) -> Mapping[str, str]:
        """The reasons against new clients, by name; empty if the node is ready."""
        return MappingProxyType(self._reasons)

    @property
    def state(self) -> str:
        """In one word: draining, starting, ready; "not-ready" for all other reasons."""
        for name in (DRAINING, STARTING):
            if name in self._reasons:
                return name
        return "not-ready" if self._reasons else "ready"

    def object(self, name: str, text: str) -> None:
        """Add a reason against new clients, or change its text."""
        if self._reasons.get(name) != text:
            self._reasons[name] = text
            self._tell()

    def withdraw(self, name: str) -> None:
        """Remove a reason; does nothing if there is no such reason."""
        if self._reasons.pop(name, None) is not None:
            self._tell()

    def observe(self, observer: Callable[[], None]) -> None:
        """Call `observer()` whenever a reason is added, changed or removed."""
        self._observers.append(observer)

    def _tell(self) -> None:
        for observer in self._observers:
            observer()
