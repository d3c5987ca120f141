"""Which of several certificates a client gets: that for the name it asks for (SNI, RFC 6066)."""

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from cryptography import x509

Shown = TypeVar("Shown")


def names_in(leaf: x509.Certificate) -> list[str]:
    """The DNS names that `leaf` is for, wildcards too, in lower case.

    Only the subject alternative names count: clients have stopped to look at the common name
    (RFC 9525 section 2).
    """
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in found.value.get_values_for_type(x509.DNSName)]


class ByName(Generic[Shown]):
    """Finds by the name that a client asks for; nothing is read or waited for.

    The exact name wins over a wildcard, and what comes first wins over what comes later. A
    wildcard stands for exactly one label (RFC 9525 section 6.3). Whoever asks for no name, or for
    one that nothing is for, gets the first.
    """

    def __init__(self, named: Sequence[tuple[Shown, Iterable[str]]]) -> None:
        """`named`: at least one, each with its names."""
        self.first = named[0][0]
        self._found: dict[str, Shown] = {}
        for shown, names in named:
            for name in names:
                self._found.setdefault(name, shown)

    def find(self, name: str) -> Shown:
        """What is for `name`; empty when the client asked for none."""
        name = name.lower()
        found = self._found.get(name)
        if found is None:
            _, dot, parent = name.partition(".")
            found = self._found.get(f"*{dot}{parent}")
        return self.first if found is None else found
