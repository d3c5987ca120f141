"""Parts of paths that stand for who is signed in: `{user}`, `{user[0]}`, `{user[:2]}`.

They are Python's slices of the subject, counted in Unicode code points after normalisation (NFC):
for the subject `alice` they are `alice`, `a` and `al`.
"""

import re
import unicodedata

from camrelay.core.errors import Denied
from camrelay.core.identity import Identity
from camrelay.core.names import room_name

_INDEX = r"-?[0-9]{1,2}"
_PART = re.compile(rf"\{{user(?:\[(?:({_INDEX})|({_INDEX})?:({_INDEX})?)\])?\}}")


def is_user_part(part: str) -> bool:
    """Whether a part of a pattern stands for the user."""
    return _PART.fullmatch(part) is not None


def user_part(part: str, identity: Identity | None) -> str:
    """What the user part `part` stands for.

    Raises Denied(401) when nobody is signed in, and Denied(403) when the subject has no such
    letters or they are no name for a room.
    """
    if identity is None:
        raise Denied(401, "this path belongs to a user: sign in")
    text = _cut(part, unicodedata.normalize("NFC", identity.subject))
    try:
        return room_name(text)
    except Denied:
        raise Denied(403, f"{part} is no name for a room with your subject") from None


def _cut(part: str, subject: str) -> str:
    found = _PART.fullmatch(part)
    assert found is not None, part
    one, begin, end = (None if text is None else int(text) for text in found.groups())
    if one is None:
        return subject[begin:end]
    return subject[one] if -len(subject) <= one < len(subject) else ""
