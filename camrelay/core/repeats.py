"""Which of many equal events deserve a line in the log."""

SECONDS = 10.0
MAX_KEYS = 1024


class Repeats:
    """The first event of a key deserves a line; the rest, one in ten seconds that counts them."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._quiet_until: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def note(self, key: str, now: float) -> int | None:
        """None when this event deserves no line; else how many went without one before it."""
        if now < self._quiet_until.get(key, 0.0):
            self._unsaid[key] = self._unsaid.get(key, 0) + 1
            return None
        if len(self._quiet_until) >= MAX_KEYS:
            self._quiet_until.clear()
            self._unsaid.clear()
        self._quiet_until[key] = now + SECONDS
        return self._unsaid.pop(key, 0)
