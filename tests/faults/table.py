"""The table of the faults, which is printed at the end of a run."""

from collections.abc import Iterator

from tests.faults.account import Account

HEAD = (
    *("fault", "sent", "positions skipped", "chat lost", "told to the sender"),
    *("doubled", "reordered", "lost at home", "slowest at home", "restored after"),
)
_rows: list[tuple[str, ...]] = []
_notes: list[str] = []


def add_row(fault: str, account: Account) -> None:
    """What came of one fault."""
    numbers = (
        *(account.sent, account.positions_skipped, account.chat_lost, account.chat_told),
        *(account.doubled, account.reordered, account.lost_at_home),
    )
    times = (f"{account.slowest_at_home * 1000:.0f} ms", f"{account.restored:.2f} s")
    _rows.append((fault, *map(str, numbers), *times))


def add_note(text: str) -> None:
    """What came of something that has no row."""
    _notes.append(text)


def lines() -> Iterator[str]:
    """All of it as Markdown, the notes last; no table if there are no rows."""
    for row in (HEAD, ("---",) * len(HEAD), *_rows) if _rows else ():
        yield f"| {' | '.join(row)} |"
    yield from _notes
