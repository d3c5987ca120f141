"""What a token costs: how long it takes to read one, and to sign one.

    python benchmarks/tokens.py

Each figure is the median of nine rounds of a thousand tokens, in microseconds, all in one thread.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from camrelay.core.identity import Grants, Identity
from camrelay.identity.jwk import ALGORITHMS, KeySet
from camrelay.identity.key_file import KeyFile
from camrelay.identity.own_keys import OwnKeys
from camrelay.identity.tokens import TokenRules, Tokens

ROUNDS = 9
TOKENS = 1000
ALICE = Identity("alice", "Alice", Grants(("chat/*",), ("chat/*",)))


class Silent:
    """Nobody wants to know what happens to these keys."""

    def keys_read(self, place: str, names: Sequence[str]) -> None:
        """They are others than before."""

    def keys_not_read(self, place: str, why: str) -> None:
        """They could not be read."""


def microseconds(call: Callable[[], object]) -> float:
    """How long `call` takes."""
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(TOKENS):
            call()
        rounds.append((time.perf_counter() - begin) / TOKENS)
    return statistics.median(rounds) * 1e6


def main() -> None:
    """Print the table."""
    print("| algorithm | read | sign | characters |\n| --- | --- | --- | --- |")
    for algorithm in ALGORITHMS:
        with tempfile.TemporaryDirectory() as folder:
            KeyFile(Path(folder)).add(algorithm)
            own = OwnKeys(Path(folder), time.monotonic, Silent())
            tokens = Tokens(own, KeySet(), TokenRules(), time.time)
            text = tokens.sign(ALICE, 3600)
            read = microseconds(lambda: tokens.verify(text))  # noqa: B023
            sign = microseconds(lambda: tokens.sign(ALICE, 3600))  # noqa: B023
        print(f"| {algorithm} | {read:.0f} us | {sign:.0f} us | {len(text)} |")


if __name__ == "__main__":
    main()
