"""The patterns in which tokens say which rooms and channels somebody may use."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Denied
from camrelay.core.grants import (
    CHANNEL_RULE,
    RULE,
    check_channel_pattern,
    check_pattern,
    matches,
    matches_channel,
    may,
    may_use_channel,
)

PARTS = st.text("ab*é", min_size=1, max_size=3)
PATHS = st.lists(PARTS, min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("chat/lobby", "/ws/chat/lobby"),
        ("/ws/chat/lobby", "/ws/chat/lobby"),
        ("chat/lobby/", "/ws/chat/lobby"),
        ("camera", "/ws/camera"),
        ("/echo", "/echo"),
        ("chat/*", "/ws/chat/日本語"),
        ("*/lobby", "/ws/text/lobby"),
        ("/*", "/echo"),
        ("/*/*/lobby", "/ws/chat/lobby"),
        ("**", "/ws/camera"),
        ("**", "/ws/chat/lobby"),
        ("chat/**", "/ws/chat/lobby"),
        ("/site/*/**", "/site/7/floor/2"),
        ("/**", "/echo"),
        ("/**", "/ws/chat/lobby"),
        (unicodedata.normalize("NFD", "chat/café"), "/ws/chat/café"),
    ],
)
def test_a_pattern_stands_for_a_room(pattern: str, path: str) -> None:
    """Part by part; `*` is any one part and `**` the rest."""
    assert matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("chat/lobby", "/chat/lobby"),
        ("/chat/lobby", "/ws/chat/lobby"),
        ("chat/lobby", "/ws/chat/Lobby"),
        ("chat/*", "/ws/chat"),
        ("chat/*", "/ws/chat/team/7"),
        ("chat/*", "/ws/text/lobby"),
        ("*", "/ws/chat/lobby"),
        ("chat/**", "/ws/chat"),
        ("chat/**", "/ws/text/lobby"),
        ("chat/**", "/ws"),
        ("**/lobby", "/ws/chat/lobby"),
        ("chat/l*", "/ws/chat/lobby"),
        ("", "/ws"),
        ("/", "/ws"),
    ],
)
def test_a_pattern_stands_for_no_other_room(pattern: str, path: str) -> None:
    """Neither above nor below, and a star is never a part of a part."""
    assert not matches(pattern, path)


def test_one_pattern_of_several_is_enough() -> None:
    """And none grants nothing."""
    assert may(("chat/a", "chat/b"), "/ws/chat/b")
    assert not may(("chat/a", "chat/b"), "/ws/chat/c")
    assert not may((), "/ws/chat/c")


@given(PATHS)
def test_a_path_without_stars_stands_for_itself_alone(parts: list[str]) -> None:
    """Whatever its parts, a pattern without stars matches its own path and no longer one."""
    path = "/" + "/".join(part.replace("*", "x") for part in parts)
    assert matches(path, path)
    assert not matches(path, f"{path}/more")


@given(PATHS)
def test_the_rest_is_all_that_is_below(parts: list[str]) -> None:
    """`/**` stands for every room, and `PATH/**` for all below PATH."""
    path = "/" + "/".join(part.replace("*", "x") for part in parts)
    assert matches("/**", path)
    assert matches(f"{path}/**", f"{path}/a/b")
    assert not matches(f"{path}/**", path)


def test_channels_are_matched_by_the_same_rule() -> None:
    """By their names, without the prefix of rooms."""
    assert matches_channel("jobs", "jobs")
    assert matches_channel("*", "jobs")
    assert matches_channel("**", "jobs")
    assert not matches_channel("jobs", "jobs2")
    assert not matches_channel("ws/jobs", "jobs")
    assert may_use_channel(("photos", "jobs"), "jobs")
    assert not may_use_channel((), "jobs")


@pytest.mark.parametrize(
    "pattern",
    ["chat/lobby", "/ws/chat/*", "*", "**", "/**", "*/**", "/echo", "chat/日本語", "a/*/b/"],
)
def test_a_pattern_that_can_match_is_taken(pattern: str) -> None:
    """Parts are names or stars, and two stars are the last part."""
    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["", "/", "//", "chat//x", "chat/l*", "**/x", "a/**/b", "chat/a b", "chat/{user}", "a/***"],
)
def test_a_pattern_that_no_room_could_match_is_refused(pattern: str) -> None:
    """With the pattern and the rule, when the token is made."""
    with pytest.raises(Denied) as caught:
        check_pattern(pattern)
    assert caught.value.status == 400
    assert caught.value.text == f"the pattern {pattern!r} cannot be used: {RULE}"


def test_a_pattern_for_channels_is_a_name_or_a_star() -> None:
    """Channels have no parts."""
    for pattern in ("jobs", "*", "**"):
        check_channel_pattern(pattern)
    for pattern in ("", "a/b", "a*"):
        with pytest.raises(Denied) as caught:
            check_channel_pattern(pattern)
        assert caught.value.text == f"the pattern {pattern!r} cannot be used: {CHANNEL_RULE}"
