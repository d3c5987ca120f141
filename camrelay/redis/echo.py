"""How long it takes until a node hears through Redis what it has said itself.

That is what its words need to the other nodes, too, told by one clock: those of two machines may
differ by more than is measured.
"""

from camrelay.core.histogram import Histogram

LAGS = (
    *(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    10.0,
)


class Echo:
    """Waits for one envelope at a time, so that what takes long is measured whole."""

    def __init__(self) -> None:
        """Nothing was said."""
        self.lags = Histogram(LAGS)
        self._awaited: tuple[int, float] | None = None

    def said(self, number: int, now: float) -> None:
        """The envelope `number` is on its way."""
        if self._awaited is None:
            self._awaited = number, now

    def heard(self, number: int, now: float) -> None:
        """The envelope `number` came back."""
        if self._awaited is not None and self._awaited[0] == number:
            self.lags.observe(now - self._awaited[1])
            self._awaited = None

    def lost(self) -> None:
        """What is on its way may never come."""
        self._awaited = None
