"""The one rule for the names that clients choose: rooms and users."""

import re
import unicodedata

from camrelay.core.errors import Denied

MAX_LENGTH = 64
RULE = (
    f"use 1 to {MAX_LENGTH} letters and digits of any language, '_', '-' and '.', but not only dots"
)

# Most names; the rule below says the same about them, in more time.
_COMMON = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{MAX_LENGTH - 1}}}")


def room_name(text: str) -> str:
    """`text` as the name that the whole relay uses for it: NFC-normalised (Unicode Annex 15).

    Two devices that spell the same word with different code points meet in one room. Marks that
    belong to letters (Hindi, Thai) count as letters.
    Raises Denied(400) with the rule in its text.
    """
    if _COMMON.fullmatch(text):
        return text
    if len(text) > 4 * MAX_LENGTH:
        raise Denied(400, f"the name is too long: {RULE}")
    name = unicodedata.normalize("NFC", text)
    if len(name) > MAX_LENGTH or not name.strip("."):
        raise Denied(400, f"the name {name!r} cannot be used: {RULE}")
    for character in name:
        if not _allowed(character):
            raise Denied(400, f"the name {name!r} holds {character!r}: {RULE}")
    return name


def _allowed(character: str) -> bool:
    return character in "_-." or unicodedata.category(character) in _CATEGORIES


_CATEGORIES = frozenset({"Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Mn", "Nd"})
