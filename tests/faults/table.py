"""The tables of the faults, which are printed at the end of a run."""

from collections.abc import Iterator

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
_rows: list[tuple[str, ...]] = []
_kept_rows: list[tuple[str, ...]] = []
_kills_rows: list[tuple[str, ...]] = []
_notes: list[str] = []


def add_row(fault: str, account: Account) -> None:
    """What came of one fault."""
    numbers = (
        *(account.sent, account.positions_skipped, account.chat_lost, account.chat_told),
        *(account.doubled, account.reordered, account.lost_at_home),
    )
    times = (f"{account.slowest_at_home * 1000:.0f} ms", f"{account.restored:.2f} s")
    _rows.append((fault, *map(str, numbers), *times))


def add_kept_row(fault: str, account: KeptAccount) -> None:
    """What came of one fault where rooms are kept."""
    numbers = (
        *(account.said, account.acked, account.refused, account.unknown),
        *(account.lost, account.unexplained, account.doubled, account.holes),
    )
    _kept_rows.append((fault, *map(str, numbers), f"{account.restored:.2f} s"))


def add_kills(what: str, account: KillsAccount) -> None:
    """What came of many kills."""
    _kills_rows.append((what, *map(str, account)))


def add_note(text: str) -> None:
    """What came of something that has no row."""
    _notes.append(text)


def lines() -> Iterator[str]:
    """All of it as Markdown, the notes last; no table without rows."""
    for head, rows in ((HEAD, _rows), (KEPT_HEAD, _kept_rows), (KILLS_HEAD, _kills_rows)):
        for row in (head, ("---",) * len(head), *rows) if rows else ():
            yield f"| {' | '.join(row)} |"
    yield from _notes
