"""Where a request shows its token, and which one counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.credentials import MAX_LENGTH, check_token, token_of
from camrelay.core.errors import Denied

OWN = "https://relay.example"


@dataclass(frozen=True)
class Shown:
    """What a request says about who asks."""

    authorization: str = ""
    cookie: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    origin: str | None = None
    host: str = "relay.example"


FROM_PAGE = Shown(origin=OWN)


def refusal(shown: Shown) -> str:
    """How a request is refused, always with 401."""
    with pytest.raises(Denied) as caught:
        token_of(shown, ())
    assert caught.value.status == 401
    return caught.value.text


def test_who_shows_nothing_has_no_token() -> None:
    """Nobody is asked for one here."""
    assert token_of(Shown(), ()) == token_of(FROM_PAGE, ()) == ""


@pytest.mark.parametrize("header", ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "])
def test_a_header_carries_a_token(header: str) -> None:
    """The scheme may be written as one likes (RFC 9110 section 11.1)."""
    assert token_of(Shown(authorization=header), ()) == "a.b.c"


@pytest.mark.parametrize("header", ["Basic YWxpY2U6c2VjcmV0", "Digest x", "a.b.c", "Bearertoken"])
def test_other_schemes_are_not_for_us(header: str) -> None:
    """A proxy on the way asks for passwords of its own."""
    shown = Shown(authorization=header, query={"token": "d.e.f"})
    assert token_of(shown, ()) == "d.e.f"


@pytest.mark.parametrize("name", ["token", "session_key"])
def test_the_query_carries_a_token(name: str) -> None:
    """For clients that can set neither headers nor cookies."""
    assert token_of(Shown(query={name: "a.b.c", "user": "x"}), ()) == "a.b.c"


def test_an_empty_parameter_says_nothing() -> None:
    """`?token=` is what a page writes that has none."""
    assert token_of(Shown(query={"token": "", "session_key": "a.b.c"}), ()) == "a.b.c"


def test_the_header_wins_over_the_query_and_the_query_over_the_cookie() -> None:
    """And `token` over `session_key`: what was said on purpose counts."""
    shown = Shown("Bearer h", "camrelay_session=c", {"token": "q", "session_key": "k"}, OWN)
    assert token_of(shown, ()) == "h"
    assert token_of(replace(shown, authorization=""), ()) == "q"
    assert token_of(replace(shown, authorization="", query={"session_key": "k"}), ()) == "k"
    assert token_of(replace(shown, authorization="", query={}), ()) == "c"


@pytest.mark.parametrize(
    "header",
    [
        "camrelay_session=a.b.c",
        "a=1; camrelay_session=a.b.c; b=2",
        'theme={"x":1}; camrelay_session="a.b.c"',
        "nonsense;;é=\xff; camrelay_session = a.b.c",
        "camrelay_session=a.b.c; camrelay_session=a.b.c",
        "other=camrelay_session=x; camrelay_session=a.b.c",
    ],
)
def test_our_cookie_is_found_among_others(header: str) -> None:
    """Whatever other applications of the same host have left there."""
    assert token_of(replace(FROM_PAGE, cookie=header), ()) == "a.b.c"


@pytest.mark.parametrize(
    "header", ["xcamrelay_session=a", "camrelay_session", "CAMRELAY_SESSION=a"]
)
def test_cookies_of_other_names_are_not_ours(header: str) -> None:
    """Nor is a name without a value."""
    assert token_of(replace(FROM_PAGE, cookie=header), ()) == ""


@pytest.mark.parametrize(
    ("origin", "host", "origins", "counts"),
    [
        (OWN, "relay.example", (), True),
        ("https://relay.example:8443", "relay.example", (), True),
        ("https://[::1]:8443", "[::1]", (), True),
        ("https://app.example", "relay.example", ("https://app.example",), True),
        ("https://app.example", "relay.example", (), False),
        ("https://app.example", "relay.example", ("*",), False),
        ("https://relay.example.evil.example", "relay.example", (), False),
        ("null", "relay.example", (), False),
        ("https://[", "relay.example", (), False),
        ("ftp://relay.example", "relay.example", (), False),
        (None, "relay.example", (), False),
    ],
)
def test_a_cookie_counts_for_pages_that_are_trusted_by_name(
    origin: str | None, host: str, origins: tuple[str, ...], counts: bool
) -> None:
    """A page of another site must not act for the user, even where every origin may connect."""
    shown = Shown(cookie="camrelay_session=a.b.c", origin=origin, host=host)
    assert token_of(shown, origins) == ("a.b.c" if counts else "")


def test_two_different_sessions_are_none() -> None:
    """Nobody can say which one was meant: another site of the domain may have set one of them."""
    header = "camrelay_session=a.b.c; camrelay_session=d.e.f"
    said = refusal(replace(FROM_PAGE, cookie=header))
    assert said == "two different cookies camrelay_session: delete the cookies of this site"


@pytest.mark.parametrize(
    "shown",
    [
        Shown(authorization="Bearer secret secret"),
        Shown(authorization="Bearer secret, Bearer secret"),
        Shown(query={"token": "sécret"}),
        Shown(query={"token": "secret\nsecret"}),
        replace(FROM_PAGE, cookie="camrelay_session=secret{}"),
    ],
)
def test_what_can_be_no_token_is_refused_unquoted(shown: Shown) -> None:
    """Even a damaged token may be somebody's secret."""
    assert refusal(shown) == "the token is damaged: it has characters that no token has"


@pytest.mark.parametrize("header", ["Bearer", "Bearer "])
def test_a_header_without_its_token_is_refused(header: str) -> None:
    """It was meant to carry one: going on without would surprise."""
    assert refusal(Shown(authorization=header)) == "the header says Bearer, but no token"


def test_a_token_has_a_length() -> None:
    """Nothing longer is looked at."""
    check_token("a" * MAX_LENGTH)
    said = refusal(Shown(query={"token": "a" * (MAX_LENGTH + 1)}))
    assert said == "the token is too long: at most 8192 characters"


@given(st.text(), st.text(), st.dictionaries(st.sampled_from(["token", "x"]), st.text()))
def test_whatever_is_shown_there_is_a_token_or_a_refusal(
    authorization: str, cookie: str, query: dict[str, str]
) -> None:
    """No header makes an error of ours."""
    try:
        token = token_of(Shown(authorization, cookie, query, OWN), ())
    except Denied:
        return
    if token:
        check_token(token)
