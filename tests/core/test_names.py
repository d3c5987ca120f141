"""The one rule for the names that clients choose."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Denied
from camrelay.core.names import MAX_LENGTH, RULE, room_name

NAMES = st.text(
    st.characters(categories=("L", "M", "Nd"), include_characters="_-."), min_size=1, max_size=20
)


def refusal(text: str) -> Denied:
    """How `text` is refused as a name."""
    with pytest.raises(Denied) as caught:
        room_name(text)
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        "lobby",
        "Lobby2",
        "a-b",
        "a_b",
        "v1.2",
        ".well-known",
        "-",
        "_",
        "日本語",
        "ünïcödé",
        "комната",
        "غرفة",
        "नमस्ते",
        "ห้อง",
        "ǅ",
        "ʰ",
        "٤٢",
        "한국어",
        "a" * 64,
        "語" * 64,
    ],
)
def test_letters_and_digits_of_any_language_are_a_name(name: str) -> None:
    """A name that follows the rule is used as it is, marks that belong to letters included."""
    assert room_name(name) == name


@pytest.mark.parametrize(
    "character",
    [
        *(" ", "\t", "\n", "\x00", "\x7f", "\x85", "\xa0"),
        *("/", "\\", "%", "?", "#", "+", ":", "~", "<", "'", '"', "{"),
        *("½", "²", "Ⅳ", "€", "🎥"),
        *("\u200b", "\u202e", "\u00ad", "\u20dd", "\u2028", "\ud800", "\ue000", "\U0010ffff"),
    ],
)
def test_everything_else_is_named_and_refused(character: str) -> None:
    """The answer shows the name and the character that does not belong there, and the rule."""
    name = f"a{character}b"
    refused = refusal(name)
    assert refused.status == 400
    assert refused.text == f"the name {name!r} holds {character!r}: {RULE}"


@pytest.mark.parametrize("text", ["", ".", "..", "....", "a" * 65])
def test_a_name_has_a_length_and_more_than_dots(text: str) -> None:
    """Empty names, names that look like directories, and long names are refused with the rule."""
    refused = refusal(text)
    assert refused.status == 400
    assert refused.text == f"the name {text!r} cannot be used: {RULE}"


def test_a_name_that_cannot_become_short_enough_is_not_looked_at() -> None:
    """A megabyte is refused before it is normalised, and not quoted."""
    refused = refusal("a" * (1 << 20))
    assert (refused.status, refused.text) == (400, f"the name is too long: {RULE}")


def test_the_length_counts_after_normalisation() -> None:
    """A name of 64 letters passes in a spelling that takes four code points for each."""
    letter = "ᾂ"
    spelled = unicodedata.normalize("NFD", letter * MAX_LENGTH)
    assert len(spelled) == 4 * MAX_LENGTH
    assert room_name(spelled) == letter * MAX_LENGTH


@pytest.mark.parametrize("name", ["café", "Ångström", "한국어", "プログラム", "Việt_Nam"])
def test_two_spellings_of_a_word_are_one_name(name: str) -> None:
    """A Mac and a phone that spell with different code points meet (Unicode Annex 15)."""
    decomposed = unicodedata.normalize("NFD", name)
    assert decomposed != name
    assert room_name(decomposed) == room_name(name) == name


@given(NAMES)
def test_a_name_is_its_own_name(text: str) -> None:
    """What the relay uses for a name is a name itself, and the same for every spelling of it."""
    try:
        name = room_name(text)
    except Denied:
        return
    assert room_name(name) == name
    assert room_name(unicodedata.normalize("NFD", text)) == name
