"""The route table: the built-in routes, routes of one's own, kinds of one's own."""

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from camrelay.config import RouteSetting
from camrelay.core.access import Access
from camrelay.core.errors import StartError
from camrelay.core.identity import Identity
from camrelay.core.kinds import kind as documented
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.echo import JsonEcho, PythonEcho, RawEcho
from camrelay.core.kinds.pose import Pose
from camrelay.core.kinds.text import Text
from camrelay.routing import KINDS, route_table
from tests.support.frames import TEXT, frame
from tests.support.process import Process
from tests.support.server import clean_environment, relay_command, start_relay
from tests.support.wire import Wire

SHOUT = '''
from camrelay.core.kinds.kind import Message, refuse_binary


class Shout:
    """Everything in capitals, and as loud as the route says."""

    newest_counts = False
    private = False
    is_json = False
    max_size = 4096

    def __init__(self, marks: int = 0) -> None:
        self._end = b"!" * marks

    def read(self, payload, is_binary, user):
        return Message(refuse_binary(payload, is_binary).upper() + self._end)


class Wordless:
    newest_counts = False
    private = False
    is_json = False
    max_size = 4096
'''


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the import path with `own_kinds.py` in it, which is forgotten afterwards."""
    (tmp_path / "own_kinds.py").write_text(SHOUT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_kinds", raising=False)
    return tmp_path


def complaint(route: RouteSetting) -> str:
    """The one line that stops the start because of `route`."""
    with pytest.raises(StartError) as caught:
        route_table([route])
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("path", "room", "kind"),
    [
        ("/ws/camera", "/ws/camera", Pose),
        ("/ws/camera/lab", "/ws/camera/lab", Pose),
        ("/ws/chat/lobby", "/ws/chat/lobby", Chat),
        ("/ws/chat/%E6%97%A5%E6%9C%AC%E8%AA%9E", "/ws/chat/日本語", Chat),
        ("/ws/text/lobby", "/ws/text/lobby", Text),
        ("/websock1-2", "/websock1-2", PythonEcho),
        ("/echo/json", "/echo/json", JsonEcho),
        ("/echo", "/echo", RawEcho),
        ("/anything", "/anything", Text),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_built_in_routes_serve_every_known_client(
    path: str, room: str, kind: type, slash: str
) -> None:
    """All paths that unchanged clients use, with and without the slash at the end."""
    place = route_table(()).find(path + slash)
    assert (place.room, type(place.kind)) == (room, kind)


def test_routes_of_ones_own_come_first() -> None:
    """They may even take a path from the built-in ones, which serve the rest."""
    table = route_table([RouteSetting("/ws/chat/quiet", "text"), RouteSetting("/x/{room}", "chat")])
    assert type(table.find("/ws/chat/quiet").kind) is Text
    assert type(table.find("/ws/chat/loud").kind) is Chat
    assert type(table.find("/x/y").kind) is Chat


def test_a_route_says_who_may_use_it() -> None:
    """And what is not said is left open."""
    table = route_table(
        [
            RouteSetting("/news", "chat", access="signed-in", publish=("alice",)),
            RouteSetting("/mine", "chat", room="/inbox/{user}"),
        ]
    )
    assert table.find("/news").terms.access == Access("signed-in", None, ("alice",))
    assert table.find("/mine", Identity("bob")).room == "/inbox/bob"
    assert table.find("/ws/chat/lobby").terms.access == Access("open", None, None)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_takes_its_size_as_an_option(name: str) -> None:
    """The options of a route are the arguments of the kind."""
    table = route_table([RouteSetting("/x", name, {"max_size": 100})])
    assert table.find("/x").kind.max_size == 100


def test_two_routes_of_a_kind_have_options_of_their_own() -> None:
    """A kind is made for each route."""
    table = route_table(
        [RouteSetting("/small", "pose", {"max_size": 100}), RouteSetting("/usual", "pose")]
    )
    assert table.find("/small").kind.max_size == 100
    assert table.find("/usual").kind.max_size == 4096


def test_a_kind_of_ones_own_is_imported(kinds: Path) -> None:
    """As `module:Class`, with the options of the route."""
    table = route_table([RouteSetting("/shout", "own_kinds:Shout", {"marks": 3})])
    assert table.find("/shout").kind.read(b"hello", False, "").body == b"HELLO!!!"


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (
            RouteSetting("/x", "posse"),
            "kind of route /x: 'posse' is not known: use pose, chat, text, raw-echo, json-echo, "
            "python-echo or package.module:Class",
        ),
        (
            RouteSetting("/x", "no_such_module:Kind"),
            "kind of route /x: 'no_such_module:Kind' cannot be imported: "
            "No module named 'no_such_module'",
        ),
        (
            RouteSetting("/x", "own_kinds:Whisper"),
            "kind of route /x: 'own_kinds:Whisper' cannot be imported: "
            "module 'own_kinds' has no attribute 'Whisper'",
        ),
        (
            RouteSetting("/x", ":Shout"),
            "kind of route /x: ':Shout' cannot be imported: Empty module name",
        ),
        (
            RouteSetting("/x", "own_kinds:Shout", {"loud": True}),
            "kind of route /x: 'own_kinds:Shout' cannot be made with its options: "
            "Shout.__init__() got an unexpected keyword argument 'loud'",
        ),
        (
            RouteSetting("/x", "own_kinds:SHOUT"),
            "kind of route /x: 'own_kinds:SHOUT' cannot be imported: "
            "module 'own_kinds' has no attribute 'SHOUT'",
        ),
        (
            RouteSetting("/x", "own_kinds:Wordless"),
            "kind of route /x: 'own_kinds:Wordless' is no kind: it has no 'read'",
        ),
        (
            RouteSetting("/x", "chat", {"max_size": "4 KiB"}),
            "kind of route /x: 'chat' has max_size '4 KiB': use a whole number of bytes, 1 or more",
        ),
        (
            RouteSetting("/x", "chat", {"max_size": 0}),
            "kind of route /x: 'chat' has max_size 0: use a whole number of bytes, 1 or more",
        ),
        (
            RouteSetting("x/{room}", "chat"),
            "route path: 'x/{room}' must look like /ws/robots/{room}",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_a_route_that_cannot_be_is_told(kinds: Path, route: RouteSetting, said: str) -> None:
    """In one line that names the route, the kind and the cause."""
    assert complaint(route) == said


@pytest.mark.parametrize("mistake", ["1 / 0", "class Shout(:", "import no_such_module"])
def test_a_module_that_cannot_be_loaded_is_told(kinds: Path, mistake: str) -> None:
    """Whatever is wrong in it."""
    (kinds / "own_kinds.py").write_text(mistake)
    said = complaint(RouteSetting("/x", "own_kinds:Shout"))
    assert said.startswith("kind of route /x: 'own_kinds:Shout' cannot be imported: ")


ROUTES = """
[[routes]]
path = "/ws/shout/{room}"
kind = "own_kinds:Shout"
options = { marks = 2 }
"""


def test_a_process_serves_a_kind_that_lies_beside_its_file(tmp_path: Path) -> None:
    """The module is found in the folder where twistd was started."""
    (tmp_path / "own_kinds.py").write_text(SHOUT)
    (tmp_path / "camrelay.toml").write_text(ROUTES)
    with start_relay(tmp_path) as server, Wire(server.port) as wire:
        wire.upgrade("/ws/shout/hall")
        wire.send(frame(TEXT, b"hello"))
        assert wire.read_message().payload == b"HELLO!!"


def test_the_documented_kind_serves_the_documented_route(tmp_path: Path) -> None:
    """The example of kind.py, and the file of README.md, as they are written."""
    example = str(documented.__doc__).partition("\n\n")[2].partition("\nName it")[0]
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (settings,) = (part for part in readme.split("```toml\n") if "mymodule:Shout" in part)
    (tmp_path / "mymodule.py").write_text(dedent(example))
    (tmp_path / "camrelay.toml").write_text(settings.split("```")[0])
    with start_relay(tmp_path) as server, Wire(server.port) as wire:
        wire.upgrade("/shout/hall")
        wire.send(frame(TEXT, b"hello"))
        assert wire.read_message().payload == b"HELLO"


def test_a_process_does_not_start_with_a_kind_that_fails(tmp_path: Path) -> None:
    """One line and an exit code, no traceback."""
    (tmp_path / "own_kinds.py").write_text("raise LookupError('no microphone')")
    (tmp_path / "camrelay.toml").write_text(ROUTES)
    command = relay_command(tmp_path)
    with Process(command, tmp_path, clean_environment()) as process:
        assert process.wait() == 1
        assert process.log == (
            "camrelay: kind of route /ws/shout/{room}: 'own_kinds:Shout' cannot be imported: "
            "no microphone\n"
        )
