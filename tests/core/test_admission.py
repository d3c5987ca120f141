"""Who may come in, and to which room."""

from dataclasses import replace

import pytest

from camrelay.core.admission import Admission, Gatekeeper, Request, check_origin
from camrelay.core.errors import Denied
from camrelay.core.identity import Identity
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.pose import Pose
from camrelay.core.names import RULE
from camrelay.core.routes import Route, RouteTable

CHAT = Chat()
TABLE = RouteTable([Route("/ws/chat/{room}", CHAT), Route("/ws/camera", Pose())])
REQUEST = Request("/ws/chat/lobby", {}, "relay.example", None, "198.51.100.7:5000")


def verify(token: str) -> Identity:
    """`good:NAME` is a token."""
    if not token.startswith("good:"):
        raise Denied(401, "the token is not good")
    return Identity(token.removeprefix("good:"))


def admit(request: Request, *origins: str) -> Admission:
    """The verdict where `origins` are allowed."""
    return Gatekeeper(TABLE, origins, verify).admit(request)


def refusal(request: Request, *origins: str) -> Denied:
    """How `request` is refused where `origins` are allowed."""
    with pytest.raises(Denied) as caught:
        admit(request, *origins)
    return caught.value


def test_a_request_is_admitted_to_its_room() -> None:
    """Room and kind come from the route, the peer from the connection, the rest is off."""
    assert admit(REQUEST) == Admission("/ws/chat/lobby", CHAT, "198.51.100.7:5000")


def test_a_client_may_name_its_user() -> None:
    """The name follows the rule for rooms, normalisation included."""
    admission = admit(replace(REQUEST, query={"user": "Rene\u0301"}))
    assert admission.user == "René"


def test_a_user_that_cannot_be_is_refused_with_the_rule() -> None:
    """A name that could pretend to be two people, or markup, does not come in."""
    refused = refusal(replace(REQUEST, query={"user": "a] [b"}))
    assert (refused.status, refused.text) == (400, f"the name 'a] [b' holds ']': {RULE}")


def test_an_empty_user_is_none() -> None:
    """`?user=` is what an empty form sends."""
    assert admit(replace(REQUEST, query={"user": ""})).user == ""


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("0", False), ("", False)])
def test_a_client_may_ask_for_errors(value: str, wanted: bool) -> None:
    """`?errors=1` and nothing else."""
    assert admit(replace(REQUEST, query={"errors": value})).wants_errors is wanted


@pytest.mark.parametrize(
    ("value", "hz"), [("", 0), ("0.1", 0.1), ("5", 5), ("29.97", 29.97), ("1000", 1000)]
)
def test_a_client_may_ask_for_fewer_positions(value: str, hz: float) -> None:
    """From one in ten seconds to a thousand a second; without, it gets all of them."""
    request = replace(REQUEST, path="/ws/camera", query={"hz": value})
    assert admit(request).hz == hz


@pytest.mark.parametrize("value", ["0", "0.09", "1000.1", "-5", "nan", "inf", "fast", "5" * 5000])
def test_a_number_of_positions_that_cannot_be_is_refused(value: str) -> None:
    """The answer quotes what was asked for, in part, and says what can be."""
    refused = refusal(replace(REQUEST, path="/ws/camera", query={"hz": value}))
    assert refused.status == 400
    assert refused.text == f"hz={value[:20]!r} is not a number from 0.1 to 1000"


def test_nobody_gets_fewer_chat_lines() -> None:
    """Where every message counts, none can be left out."""
    refused = refusal(replace(REQUEST, query={"hz": "5"}))
    assert refused.status == 400
    assert refused.text == "hz is for camera rooms: in this room every message counts"


def test_a_path_that_leads_nowhere_is_refused() -> None:
    """The refusal of the route table is passed on."""
    assert refusal(replace(REQUEST, path="/nowhere")).status == 404


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "http://relay.example",
        "https://relay.example",
        "https://relay.example:8443",
        "https://RELAY.example",
    ],
)
def test_native_clients_and_own_pages_come_in(origin: str | None) -> None:
    """No Origin, or one that names the host that is connected to, on any port."""
    check_origin(replace(REQUEST, origin=origin), ())


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_own_pages_come_in_by_an_ipv6_address(host: str) -> None:
    """Whether or not the host was told with its brackets."""
    check_origin(replace(REQUEST, host=host, origin="http://[::1]:8080"), ())


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://relay.example.evil.example",
        "https://evil-relay.example",
        "https://evil.example/relay.example",
        "https://relay.example@evil.example",
        "ftp://relay.example",
        "file://",
        "null",
        "",
        "relay.example",
        "http://[::1",
    ],
)
def test_pages_of_other_sites_stay_outside(origin: str) -> None:
    """403 with the origin and the option that would let it in (RFC 6455, 10.2)."""
    refused = refusal(replace(REQUEST, origin=origin), "https://friend.example")
    assert refused.status == 403
    assert refused.text == (
        f"pages of {origin!r} may not connect to this server: "
        "start it with --allowed-origin for that origin"
    )


def test_a_host_is_no_origin_without_a_scheme() -> None:
    """An empty Host does not match an Origin that has none."""
    with pytest.raises(Denied):
        check_origin(replace(REQUEST, host="", origin="null"), ())


def test_the_operator_may_let_a_site_in() -> None:
    """The origin that was allowed, and only that one."""
    check_origin(replace(REQUEST, origin="https://friend.example"), ["https://friend.example"])
    with pytest.raises(Denied):
        check_origin(replace(REQUEST, origin="http://friend.example"), ["https://friend.example"])


def test_the_operator_may_let_every_site_in() -> None:
    """A star stands for every origin, even for none that could be named."""
    for origin in ("https://evil.example", "null"):
        check_origin(replace(REQUEST, origin=origin), ["*"])


def test_the_origin_is_looked_at_first() -> None:
    """A page that may not come in does not learn which rooms there are."""
    assert refusal(replace(REQUEST, path="/nowhere", origin="https://evil.example")).status == 403
