"""What a query may say, read strictly."""

from collections.abc import Mapping

from camrelay.core.errors import Denied
from camrelay.core.history import Position

# More than any room will ever have said.
MAX_OFFSET = 10**18 - 1

MAX_EPOCH_LENGTH = 64

# Nobody has to count further.
_MOST_DIGITS = 18


def whole_number(query: Mapping[str, str], name: str, most: int) -> int | None:
    """A parameter that is a whole number from 0 to `most`; None when it is missing or empty.

    Raises Denied(400).
    """
    text = query.get(name, "")
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if not is_number or int(text) > most:
        raise Denied(400, f"{name}={text[:20]!r} is not a whole number up to {most}")
    return int(text)


def position(query: Mapping[str, str], offset_name: str) -> Position | None:
    """The place that `epoch` and an offset name together; None when both are missing.

    Raises Denied(400).
    """
    epoch, offset = query.get("epoch", ""), whole_number(query, offset_name, MAX_OFFSET)
    if not epoch and offset is None:
        return None
    if not epoch or offset is None:
        text = f"epoch and {offset_name} belong together: send both, as the server sent them"
        raise Denied(400, text)
    if len(epoch) > MAX_EPOCH_LENGTH:
        raise Denied(400, "the epoch is too long")
    return Position(epoch, offset)
