"""Parts of paths that stand for who is signed in."""

import unicodedata

import pytest

from camrelay.core.errors import Denied
from camrelay.core.identity import Identity
from camrelay.core.user_paths import is_user_part, user_part


@pytest.mark.parametrize(
    ("part", "subject", "text"),
    [
        ("{user}", "alice", "alice"),
        ("{user[0]}", "alice", "a"),
        ("{user[-1]}", "alice", "e"),
        ("{user[:2]}", "alice", "al"),
        ("{user[1:3]}", "alice", "li"),
        ("{user[2:]}", "alice", "ice"),
        ("{user[:]}", "alice", "alice"),
        ("{user[:40]}", "alice", "alice"),
        ("{user[0]}", "日本", "日"),
        ("{user[0]}", unicodedata.normalize("NFD", "Ångström"), "Å"),
        ("{user}", unicodedata.normalize("NFD", "Ångström"), "Ångström"),
    ],
)
def test_a_part_is_a_slice_of_the_subject(part: str, subject: str, text: str) -> None:
    """Counted in code points after normalisation."""
    assert is_user_part(part)
    assert user_part(part, Identity(subject)) == text


@pytest.mark.parametrize(
    "part", ["user", "{room}", "{users}", "{user[]}", "{user[a]}", "{user[1:2:3]}", "{user[100]}"]
)
def test_everything_else_is_no_such_part(part: str) -> None:
    """It is a plain part, or named otherwise, or nothing at all."""
    assert not is_user_part(part)


def test_nobody_has_no_such_part() -> None:
    """Signing in would help."""
    with pytest.raises(Denied) as caught:
        user_part("{user}", None)
    assert (caught.value.status, caught.value.text) == (
        401,
        "this path belongs to a user: sign in",
    )


@pytest.mark.parametrize(
    ("part", "subject"),
    [
        ("{user}", "alice@example.com"),
        ("{user}", ".."),
        ("{user}", "a" * 65),
        ("{user[7]}", "alice"),
        ("{user[-7]}", "alice"),
        ("{user[9:]}", "alice"),
        ("{user[0]}", "|alice"),
    ],
)
def test_a_subject_that_is_no_name_has_no_room(part: str, subject: str) -> None:
    """Never a room with another name, or none."""
    with pytest.raises(Denied) as caught:
        user_part(part, Identity(subject))
    assert caught.value.status == 403
    assert caught.value.text == f"{part} is no name for a room with your subject"
