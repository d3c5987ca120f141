"""The tables of the faults, which are printed at the end of a run.

A test records its row as a property of its own, so that it arrives from whichever process ran it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.faults.account import Account
from tests.faults.kept_traffic import Account as KeptAccount
from tests.support.survivors import Account as KillsAccount

HEAD = (
    *("fault", "sent", "positions skipped", "chat lost", "reported to the sender", "duplicated"),
    *("reordered", "lost in the own process", "slowest in the own process", "restored after"),
)
KEPT_HEAD = (
    *("fault", "sent", "acknowledged", "refused", "unknown"),
    *("acknowledged, but not received by all", "of these not reported"),
    *("duplicated", "gaps", "restored after"),
)
KILLS_HEAD = (
    *("kills under chat load", "sent", "acknowledged", "stored", "resumed", "could not resume"),
    *("acknowledged, but lost", "gaps", "duplicated", "different from stored"),
)
HEADS = {"faults": HEAD, "faults where rooms are kept": KEPT_HEAD, "kills": KILLS_HEAD}
NOTES = "faults without a row"

Record = Callable[[str, object], None]
"""The fixture `record_property` of pytest."""


def add_row(record: Record, fault: str, account: Account) -> None:
    """What came of one fault."""
    numbers = (
        *(account.sent, account.positions_skipped, account.chat_lost, account.chat_told),
        *(account.doubled, account.reordered, account.lost_at_home),
    )
    times = (f"{account.slowest_at_home * 1000:.0f} ms", f"{account.restored:.2f} s")
    record("faults", [fault, *map(str, numbers), *times])


def add_kept_row(record: Record, fault: str, account: KeptAccount) -> None:
    """What came of one fault where rooms are kept."""
    numbers = (
        *(account.said, account.acked, account.refused, account.unknown),
        *(account.lost, account.unexplained, account.doubled, account.holes),
    )
    row = [fault, *map(str, numbers), f"{account.restored:.2f} s"]
    record("faults where rooms are kept", row)


def add_kills(record: Record, what: str, account: KillsAccount) -> None:
    """What came of many kills."""
    record("kills", [what, *map(str, account)])


def add_note(record: Record, text: str) -> None:
    """What came of something that has no row."""
    record(NOTES, text)


def lines(recorded: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """All of it as Markdown, the notes last; no table without rows."""
    recorded = list(recorded)
    for table, head in HEADS.items():
        rows = [row for name, row in recorded if name == table]
        for row in (head, ("---",) * len(head), *rows) if rows else ():
            yield f"| {' | '.join(row)} |"
    yield from (note for name, note in recorded if name == NOTES)
