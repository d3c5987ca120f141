"""Who may come in, and to which room."""

import pytest
from msgspec.structs import replace

from camrelay.core.access import Access
from camrelay.core.admission import Admission, Gatekeeper, Request, check_origin
from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.errors import Denied
from camrelay.core.history import Position
from camrelay.core.identity import Grants, Identity
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.pose import Pose
from camrelay.core.kinds.waiting_room import WAITING_ROOM
from camrelay.core.names import RULE
from camrelay.core.routes import Route, RouteTable
from camrelay.core.terms import Terms

CHAT = Chat()
TABLE = RouteTable([Route("/ws/chat/{room}", CHAT), Route("/ws/camera", Pose())])
REQUEST = Request("/ws/chat/lobby", {}, "relay.example", None, "198.51.100.7:5000")


def verify(token: str) -> Identity:
    """`good.NAME` is a token."""
    if not token.startswith("good."):
        raise Denied(401, "the token is not good")
    return Identity(token.removeprefix("good."))


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


# Identity


def gatekeeper(*routes: Route) -> Gatekeeper:
    """Of a server with these routes."""
    return Gatekeeper(RouteTable(routes), (), verify)


MEMBERS = Route("/club/{room}", CHAT, Terms(Access("signed-in")))
WRITERS = Route("/news", CHAT, Terms(Access("token")))
CLUB = replace(REQUEST, path="/club/x")


@pytest.mark.parametrize(
    "shown",
    [
        {"authorization": "Bearer good.anna"},
        {"query": {"token": "good.anna"}},
        {"query": {"session_key": "good.anna"}},
        {"cookie": "camrelay_session=good.anna", "origin": "https://relay.example"},
        {"certificate_subject": "anna"},
    ],
)
def test_who_asks_is_known_by_what_is_shown(shown: dict[str, object]) -> None:
    """A token in any place, or a certificate."""
    request = replace(CLUB, **shown)
    admission = gatekeeper(MEMBERS).admit(request)
    assert admission.identity == Identity("anna")
    assert gatekeeper(MEMBERS).identify(request) == Identity("anna")


def test_a_stranger_is_told_to_sign_in() -> None:
    """401 before the upgrade."""
    with pytest.raises(Denied) as caught:
        gatekeeper(MEMBERS).admit(CLUB)
    assert caught.value.status == 401
    assert gatekeeper(MEMBERS).identify(CLUB) is None


@pytest.mark.parametrize("token", ["bad", "good anna", "x" * 9000])
def test_a_bad_token_opens_nothing(token: str) -> None:
    """And the refusal says what is wrong with it, not that one is missing."""
    request = replace(CLUB, query={"token": token}, dialect=CAMRELAY_V1)
    with pytest.raises(Denied) as caught:
        gatekeeper(MEMBERS).admit(request)
    assert caught.value.status == 401
    assert "token" in caught.value.text
    assert token not in caught.value.text


def test_where_nobody_needs_a_token_a_bad_one_does_no_harm() -> None:
    """Clients of other servers bring session keys of theirs."""
    admission = admit(replace(REQUEST, query={"session_key": "of-another-server"}))
    assert admission.identity is None


def test_a_foreign_page_is_refused_before_its_token_is_read() -> None:
    """Neither a member nor a visitor."""
    request = replace(CLUB, origin="https://evil.example", query={"token": "good.anna"})
    for ask in (gatekeeper(MEMBERS).admit_visitor, gatekeeper(MEMBERS).identify):
        with pytest.raises(Denied) as caught:
            ask(request)
        assert caught.value.status == 403


def test_who_can_send_a_token_later_waits_for_it() -> None:
    """In a room of its own, in which nothing can be said."""
    request = replace(CLUB, dialect=CAMRELAY_V1)
    admission = gatekeeper(MEMBERS).admit(request)
    assert (admission.kind, admission.request) == (WAITING_ROOM, request)
    later = gatekeeper(MEMBERS).admit_with(request, "good.anna")
    assert (later.room, later.identity, later.request) == ("/club/x", Identity("anna"), None)


def test_who_is_known_and_not_allowed_does_not_wait() -> None:
    """Another token would be needed: 403."""
    request = replace(REQUEST, path="/news", authorization="Bearer good.anna", dialect=CAMRELAY_V1)
    with pytest.raises(Denied) as caught:
        gatekeeper(WRITERS).admit(request)
    assert caught.value.status == 403


def granting(**grants: tuple[str, ...]) -> Gatekeeper:
    """Every token grants this."""
    everybody = Identity("anna", grants=Grants(**grants))
    return Gatekeeper(RouteTable([WRITERS]), (), lambda _: everybody)


def test_a_member_listens() -> None:
    """Whoever may only publish is told how."""
    request = replace(REQUEST, path="/news", authorization="Bearer any")
    writer = granting(publish=("/news",))
    with pytest.raises(Denied) as caught:
        writer.admit(request)
    assert caught.value.status == 403
    assert "POST to /api/messages" in caught.value.text
    visitor = writer.admit_visitor(request)
    assert (visitor.may_subscribe, visitor.may_publish) == (False, True)


def test_one_may_listen_only() -> None:
    """Read-only viewers come in."""
    request = replace(REQUEST, path="/news", authorization="Bearer any")
    assert not granting(subscribe=("/news",)).admit(request).may_publish


def test_a_new_token_renews_what_its_bearer_may_do() -> None:
    """Here it takes the right to publish."""
    request = replace(REQUEST, path="/news", authorization="Bearer any")
    before = granting(subscribe=("/news",), publish=("/news",)).admit(request)
    after = granting(subscribe=("/news",)).renew(before, "other")
    assert (before.may_publish, after.may_publish) == (True, False)
    assert after.identity == Identity("anna", grants=Grants(subscribe=("/news",)))


def test_a_token_of_somebody_else_renews_nothing() -> None:
    """Nor does one that does not let its bearer stay."""
    request = replace(REQUEST, path="/news", authorization="Bearer any")
    admission = granting(subscribe=("/news",)).admit(request)
    with pytest.raises(Denied, match="another subject"):
        gatekeeper(WRITERS).renew(admission, "good.ben")
    with pytest.raises(Denied, match="does not allow"):
        granting(publish=("/news",)).renew(admission, "any")


def test_a_stranger_may_show_a_token_later() -> None:
    """From then on it is known."""
    request = replace(REQUEST, dialect=CAMRELAY_V1)
    asked = Gatekeeper(TABLE, (), verify)
    known = asked.renew(asked.admit(request), "good.anna")
    assert known.identity == Identity("anna")


def test_a_stranger_who_shows_a_token_keeps_no_name_of_another() -> None:
    """What it says would go on under that name."""
    request = replace(REQUEST, query={"user": "anna"}, dialect=CAMRELAY_V1)
    asked = Gatekeeper(TABLE, (), verify)
    assert asked.renew(asked.admit(request), "good.anna").user == "anna"
    with pytest.raises(Denied, match="not the name"):
        asked.renew(asked.admit(request), "good.ben")


def test_nobody_speaks_under_the_name_of_another() -> None:
    """`?user=` is free for strangers; a token says who its bearer is."""
    signed_in = {"token": "good.anna"}
    assert admit(replace(REQUEST, query={**signed_in, "user": "anna"})).user == "anna"
    assert admit(replace(REQUEST, query=signed_in)).user == ""
    refused = refusal(replace(REQUEST, query={**signed_in, "user": "ben"}))
    assert refused.status == 403


# Past


def test_a_client_may_ask_for_the_past() -> None:
    """So many messages, or what came behind a place."""
    admission = admit(replace(REQUEST, query={"history": "50", "epoch": "e", "offset": "7"}))
    assert (admission.history, admission.resume) == (50, Position("e", 7))
    assert (admit(REQUEST).history, admit(REQUEST).resume) == (0, None)


@pytest.mark.parametrize(
    "query",
    [
        {"history": "1001"},
        {"history": "-1"},
        {"history": "many"},
        {"history": "9" * 30},
        {"epoch": "e"},
        {"offset": "1"},
        {"epoch": "e", "offset": "x"},
        {"epoch": "e" * 65, "offset": "1"},
        {"history": "\u0663"},
    ],
)
def test_a_past_that_cannot_be_is_refused(query: dict[str, str]) -> None:
    """400 with the parameter in it."""
    refused = refusal(replace(REQUEST, query=query))
    assert refused.status == 400
    assert any(name in refused.text for name in query)
