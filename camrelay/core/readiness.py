"""Whether new clients should be sent here, and every reason why not."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

STARTING = "starting"
DRAINING = "draining"


class Readiness:
    """Ready is a node for which nobody has a reason against it.

    Each reason has a short name, under which it is withdrawn, and a text for people.
    """

    def __init__(self) -> None:
        """It starts; whoever starts it withdraws this reason."""
        self._reasons = {STARTING: "the server is starting"}
        self._observers: list[Callable[[], None]] = []

    @property
    def reasons(self) -> Mapping[str, str]:
        """What stands against new clients, by name; empty when nothing does."""
        return MappingProxyType(self._reasons)

    @property
    def state(self) -> str:
        """In one word: draining, starting, ready; "not-ready" for all other reasons."""
        for name in (DRAINING, STARTING):
            if name in self._reasons:
                return name
        return "not-ready" if self._reasons else "ready"

    def object(self, name: str, text: str) -> None:
        """Give a reason against new clients, or a new text for one that stands."""
        if self._reasons.get(name) != text:
            self._reasons[name] = text
            self._tell()

    def withdraw(self, name: str) -> None:
        """The reason does not stand any more; it need not have been given."""
        if self._reasons.pop(name, None) is not None:
            self._tell()

    def observe(self, observer: Callable[[], None]) -> None:
        """Call `observer()` whenever a reason comes, changes or goes."""
        self._observers.append(observer)

    def _tell(self) -> None:
        for observer in self._observers:
            observer()
