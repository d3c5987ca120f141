"""What people call themselves, and others see: free text, as far as it deceives nobody."""

import unicodedata

from camrelay.core.errors import Denied

MAX_LENGTH = 32
RULE = f"use 1 to {MAX_LENGTH} visible characters"

# Letters, digits, signs and punctuation: at least one of them, or nothing would be seen.
_SEEN = ("L", "N", "S", "P")
# Joiners that Persian, Indian scripts and emoji need. All other format characters are invisible or
# turn the direction of what follows, and let one name look like another.
_JOINERS = "\u200c\u200d"


def display_name(text: str) -> str:
    """`text` as it is shown: normalised (NFC), with single spaces inside and none around.

    Raises Denied(400) with the rule in its text.
    """
    if len(text) > 4 * MAX_LENGTH:
        raise Denied(400, f"the name is too long: {RULE}")
    for character in text:
        if not _is_honest(character):
            raise Denied(400, f"the name {text!r} holds {character!r}: {RULE}")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > MAX_LENGTH or not any(unicodedata.category(each)[0] in _SEEN for each in name):
        raise Denied(400, f"the name {text!r} cannot be used: {RULE}")
    return name


def _is_honest(character: str) -> bool:
    category = unicodedata.category(character)
    return character in _JOINERS or not (category[0] == "C" or category in ("Zl", "Zp"))
