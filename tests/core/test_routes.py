"""Which path leads to which kind of room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Denied, StartError
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.echo import RawEcho
from camrelay.core.kinds.pose import Pose
from camrelay.core.kinds.text import Text
from camrelay.core.names import RULE
from camrelay.core.routes import Place, Route, RouteTable

POSE, CHAT, TEXT, ECHO = Pose(), Chat(), Text(), RawEcho()
TABLE = RouteTable(
    [
        Route("/ws/camera", POSE),
        Route("/ws/camera/{room}/", POSE),
        Route("/ws/chat/{room}", CHAT),
        Route("/site/{site}/floor/{floor}", CHAT),
        Route("/echo", ECHO),
        Route("/{room}", TEXT),
    ]
)


def refusal(path: str, table: RouteTable = TABLE) -> Denied:
    """How `path` is refused."""
    with pytest.raises(Denied) as caught:
        table.find(path)
    return caught.value


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/ws/camera", Place("/ws/camera", POSE)),
        ("/ws/camera/lab", Place("/ws/camera/lab", POSE)),
        ("/ws/chat/lobby", Place("/ws/chat/lobby", CHAT)),
        ("/ws/chat/camera", Place("/ws/chat/camera", CHAT)),
        ("/site/b-7/floor/2", Place("/site/b-7/floor/2", CHAT)),
        ("/echo", Place("/echo", ECHO)),
        ("/ws", Place("/ws", TEXT)),
        ("/anything", Place("/anything", TEXT)),
    ],
)
@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_a_path_leads_to_its_room(path: str, place: Place, slash: str) -> None:
    """A slash at the end never matters, whether the pattern has one or not."""
    assert TABLE.find(path + slash) == place


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/ws/chat/%E6%97%A5%E6%9C%AC%E8%AA%9E", "/ws/chat/日本語"),
        ("/ws/chat/日本語", "/ws/chat/日本語"),
        ("/ws/chat/%e6%97%a5", "/ws/chat/日"),
        ("/ws/chat/caf%C3%A9", "/ws/chat/café"),
        ("/ws/chat/cafe%CC%81", "/ws/chat/café"),
        ("/ws/chat/%61%2Db", "/ws/chat/a-b"),
        ("/ws/ch%61t/lobby", "/ws/chat/lobby"),
    ],
)
def test_every_spelling_of_a_path_leads_to_one_room(path: str, room: str) -> None:
    """Percent-encoding and normalisation do not matter: there is one spelling for the cluster."""
    assert TABLE.find(path) == Place(room, CHAT)


def test_an_encoded_slash_stays_inside_its_part() -> None:
    """%2F is no way to another route: it is a character that no name may hold."""
    refused = refusal("/ws/chat%2Flobby")
    assert (refused.status, refused.text) == (404, refusal("/no/such/path").text)
    refused = refusal("/ws/chat/a%2Fb")
    assert (refused.status, refused.text) == (400, f"the name 'a/b' holds '/': {RULE}")


@pytest.mark.parametrize("path", ["/ws/chat/%FF", "/ws/chat/%E6%97", "/%C0%AE", "/a/%ED%A0%80"])
def test_what_is_no_utf8_is_refused(path: str) -> None:
    """Bytes that spell no text are never repaired into a room name."""
    refused = refusal(path)
    assert (refused.status, refused.text) == (400, "the path is not percent-encoded UTF-8")


@pytest.mark.parametrize(
    "path",
    ["/ws/chat/a%20b", "/ws/chat/%", "/ws/chat/%zz", "/ws/chat/%00", "/ws/chat/..", "/%2e%2e", "/"],
)
def test_a_room_that_cannot_be_is_refused_with_the_rule(path: str) -> None:
    """The path leads somewhere, but the name does not do: 400 and the rule, not 404."""
    refused = refusal(path)
    assert refused.status == 400
    assert refused.text.endswith(RULE)


@pytest.mark.parametrize("path", ["/no/such/path", "/ws/chat/a/b", "/ws//camera/x", "/WS/CHAT/x"])
def test_a_path_that_leads_nowhere_is_told_where_paths_lead(path: str) -> None:
    """404 with all patterns, so that a typing error is seen at once."""
    refused = refusal(path)
    assert refused.status == 404
    assert refused.text == (
        "no room at this path; the paths are: /ws/camera, /ws/camera/{room}/, /ws/chat/{room}, "
        "/site/{site}/floor/{floor}, /echo, /{room}"
    )


def test_the_first_route_that_matches_wins() -> None:
    """Routes are tried in the order in which they were given."""
    table = RouteTable([Route("/ws/{room}", CHAT), Route("/ws/camera", POSE)])
    assert table.find("/ws/camera").kind is CHAT


def test_a_name_that_cannot_be_used_does_not_fall_through_to_the_next_route() -> None:
    """Otherwise a room would depend on how its name is spelled."""
    table = RouteTable([Route("/{room}", CHAT), Route("/{anything}", POSE)])
    assert refusal("/a%20b", table).status == 400


@given(st.text(max_size=60))
def test_whatever_the_path_there_is_a_room_or_a_refusal(path: str) -> None:
    """No path makes an error of ours, and a room is found again under its own name."""
    try:
        place = TABLE.find(path)
    except Denied:
        return
    assert TABLE.find(place.room) == place


@pytest.mark.parametrize(
    "pattern",
    ["", "/", "ws/chat", "/ws//chat", "/ws/{room", "/ws/{Room}", "/ws/{}", "/ws/a{room}", "/a b"],
)
def test_a_pattern_that_no_path_could_match_stops_the_start(pattern: str) -> None:
    """One line shows the pattern and an example of a good one."""
    with pytest.raises(StartError) as caught:
        Route(pattern, CHAT)
    assert str(caught.value) == f"route path: {pattern!r} must look like /ws/robots/{{room}}"
