"""What people call themselves, and others see."""

import unicodedata

import pytest

from camrelay.core.display_names import MAX_LENGTH, RULE, display_name
from camrelay.core.errors import Denied


def refusal(text: str) -> Denied:
    """How `text` is refused as a name."""
    with pytest.raises(Denied) as caught:
        display_name(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Alice", "Alice"),
        ("  Alice   B.  ", "Alice B."),
        ("Renée 🎥", "Renée 🎥"),
        ("<b>'\"&", "<b>'\"&"),
        ("日本語 ユーザー", "日本語 ユーザー"),
        ("می\u200cکنم", "می\u200cکنم"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        (unicodedata.normalize("NFD", "Zoë"), "Zoë"),
        ("x" * MAX_LENGTH, "x" * MAX_LENGTH),
    ],
)
def test_a_name_is_free_text(text: str, name: str) -> None:
    """In any language, normalised; pages show it as text and not as markup."""
    assert display_name(text) == name


@pytest.mark.parametrize(
    "character",
    [
        *("\x00", "\n", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "\ue000"),
        *("\u200b", "\u200e", "\u202a", "\u202e", "\u2066", "\u2069", "\ufeff", "\U000e0041"),
    ],
)
def test_what_cannot_be_seen_or_turns_the_text_is_refused(character: str) -> None:
    """It would make one name look like another, or a terminal obey."""
    refused = refusal(f"Ali{character}ce")
    assert refused.status == 400
    assert refused.text == f"the name {f'Ali{character}ce'!r} holds {character!r}: {RULE}"


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "\u200d", "\u0301", "x" * (MAX_LENGTH + 1)])
def test_a_name_has_a_length_and_can_be_seen(text: str) -> None:
    """Spaces, joiners and accents alone are nothing to look at."""
    assert refusal(text).text == f"the name {text!r} cannot be used: {RULE}"


def test_a_name_that_cannot_become_short_enough_is_not_looked_at() -> None:
    """And not quoted."""
    assert refusal("x" * (1 << 20)).text == f"the name is too long: {RULE}"
