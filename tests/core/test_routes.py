"""Which path leads to which kind of room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.access import Access
from camrelay.core.errors import Denied, StartError
from camrelay.core.identity import Identity
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.echo import RawEcho
from camrelay.core.kinds.pose import Pose
from camrelay.core.kinds.text import Text
from camrelay.core.names import RULE
from camrelay.core.routes import Place, Route, RouteTable
from camrelay.core.terms import Terms

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


ALICE, BOB = Identity("alice"), Identity("bob")
MEMBERS = Terms(Access("signed-in"))
USERS = RouteTable(
    [
        Route("/u/{user}", CHAT),
        Route("/u/{user[0]}/{room}", CHAT),
        Route("/inbox", CHAT, MEMBERS, room="/inboxes/{user}"),
        Route("/notes/{topic}", CHAT, room="/all-notes/{user[:2]}/{topic}"),
        Route("/old/{anything}", CHAT, room="/ws/chat/lobby"),
        Route("/ws/chat/{room}", CHAT),
    ]
)


def refusal(path: str, table: RouteTable = TABLE, identity: Identity | None = None) -> Denied:
    """How `path` is refused."""
    with pytest.raises(Denied) as caught:
        table.find(path, identity)
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


def test_a_path_of_a_user_is_open_to_that_user() -> None:
    """`{user}` fits the own subject only, in any spelling."""
    assert USERS.find("/u/alice", ALICE) == Place("/u/alice", CHAT)
    assert USERS.find("/u/a/lobby/", ALICE).room == "/u/a/lobby"
    assert USERS.find("/u/cafe%CC%81", Identity("café")).room == "/u/café"


@pytest.mark.parametrize("path", ["/u/alice", "/u/a/lobby"])
def test_a_path_of_a_user_is_closed_to_all_others(path: str) -> None:
    """403 for those who are somebody else, 401 for those who are not signed in."""
    refused = refusal(path, USERS, BOB)
    given = path.split("/")[2]
    assert refused.status == 403
    assert refused.text == f"{given!r} in this path is another user"
    assert refusal(path, USERS).status == 401


def test_a_route_makes_the_room_of_who_is_signed_in() -> None:
    """Whatever the path; and says who may use it."""
    assert USERS.find("/inbox", ALICE) == Place("/inboxes/alice", CHAT, MEMBERS)
    assert USERS.find("/inbox/", BOB).room == "/inboxes/bob"
    assert USERS.find("/notes/home", ALICE).room == "/all-notes/al/home"
    assert refusal("/inbox", USERS).status == 401
    assert refusal("/inbox", USERS, Identity("a b")).status == 403
    assert refusal("/notes/a%20b", USERS, ALICE).status == 400


def test_many_paths_may_lead_to_one_room() -> None:
    """An old address goes on working."""
    assert USERS.find("/old/x").room == USERS.find("/ws/chat/lobby").room == "/ws/chat/lobby"


def test_who_may_go_anywhere_finds_a_room_by_its_name() -> None:
    """Also those that no path leads to, and those of users."""
    assert USERS.find_room("/inboxes/alice") == Place("/inboxes/alice", CHAT, MEMBERS)
    assert USERS.find_room("/u/alice").room == "/u/alice"
    assert USERS.find_room("/all-notes/al/home").room == "/all-notes/al/home"
    assert TABLE.find_room("/ws/chat/caf%C3%A9/") == Place("/ws/chat/café", CHAT)
    for room, status in (("/inbox/x/y", 404), ("/inboxes/a%20b", 400)):
        with pytest.raises(Denied) as caught:
            USERS.find_room(room)
        assert caught.value.status == status


@pytest.mark.parametrize(
    ("first", "second", "room", "other"),
    [
        (Route("/mine", CHAT, room="/ws/chat/{user}"), Route("/ws/chat/{room}", CHAT), 0, 1),
        (Route("/ws/chat/{room}", CHAT), Route("/mine", CHAT, room="/ws/chat/{user}"), 1, 0),
        (Route("/mine", CHAT, room="/ws/{user}"), Route("/ws/camera", POSE), 0, 1),
        (Route("/a", CHAT, room="/r/{user}"), Route("/b", CHAT, room="/r/{user[0]}"), 0, 1),
        (Route("/u/{room}", CHAT), Route("/u/{user}", CHAT), 1, 0),
    ],
)
def test_a_room_of_a_user_has_no_other_entrance(
    first: Route, second: Route, room: int, other: int
) -> None:
    """A route that would let others in stops the start, and is named."""
    with pytest.raises(StartError) as caught:
        RouteTable([first, second])
    patterns = [first.pattern, second.pattern]
    assert str(caught.value).startswith(f"room of {patterns[room]}: ")
    assert str(caught.value).endswith(
        f"would not belong to the user alone: {patterns[other]} leads there too"
    )


@pytest.mark.parametrize(
    "routes",
    [
        [Route("/ws/chat/{user}", CHAT), Route("/ws/chat/{room}", CHAT)],
        [Route("/a", CHAT, room="/r/{user}"), Route("/b", CHAT, room="/r/{user}")],
        [Route("/a", CHAT, room="/r/{user}"), Route("/r/{user}", CHAT)],
        [Route("/a", CHAT, room="/r/x/{user}"), Route("/r/y/{room}", CHAT)],
        [Route("/a", CHAT, room="/r/{user}"), Route("/r", CHAT)],
    ],
)
def test_a_room_of_a_user_may_have_several_entrances_of_the_user(routes: list[Route]) -> None:
    """As long as each of them asks who it is."""
    RouteTable(routes)


@pytest.mark.parametrize(
    ("room", "remedy"),
    [
        ("inbox/{user}", "must look like /ws/robots/{room}"),
        ("/inbox/{user[x]}", "must look like /ws/robots/{room}"),
        ("/inbox/{topic}", "holds {topic}, which is not in the path"),
    ],
)
def test_a_room_that_cannot_be_made_stops_the_start(room: str, remedy: str) -> None:
    """One line names the route, the room and the mistake."""
    with pytest.raises(StartError) as caught:
        Route("/mine", CHAT, room=room)
    assert str(caught.value) == f"room of /mine: {room!r} {remedy}"
