"""The import law of the package, read from its sources and enforced.

Floors point down, adapters do not know each other, a third-party package stays behind the wall
built around it, and nothing imports in a circle. An import that is only there for types counts as
well: it is knowledge too.
"""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import camrelay

FLOORS = (
    ("core",),
    ("ports", "files"),
    ("relay",),
    ("net", "bus", "history", "identity", "ops", "redis", "channels", "web"),
    ("config",),
    ("routing",),
    ("wiring",),
    ("service",),
    ("workers",),
    ("publish",),
    ("tap", "worker_tap", "tools", "testing", "__main__"),
)
ADAPTERS = {"net", "bus", "history", "identity", "ops", "redis"}
WALLED = {  # the only places that may import each of these
    "autobahn": ("camrelay.net",),
    "txredisapi": ("camrelay.redis.protocol",),
    "jwt": ("camrelay.identity",),
    "sqlite3": ("camrelay.history.sqlite",),
    "prometheus_client": ("camrelay.ops.prometheus",),
}
NOT_IN_CORE = {  # clock, chance, input and output: the core is handed their results
    *("asyncio", "datetime", "logging", "os", "pathlib", "random", "secrets", "select", "socket"),
    *("ssl", "subprocess", "threading", "time", "twisted", "zope"),
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def violations(package: Path) -> list[str]:
    """What breaks the law in the package in the folder `package`, one line each."""
    trees = {
        _module_name(path, package): ast.parse(path.read_text("utf-8"))
        for path in sorted(package.rglob("*.py"))
    }
    found = [
        f"{module} imports {name}: {objection}"
        for module, tree in trees.items()
        for name in sorted(_imports(ast.walk(tree)))
        for objection in _objections(module, name)
    ]
    found += [
        f"{module} imports the reactor when it is loaded: take it as an argument"
        for module, tree in trees.items()
        if "twisted.internet.reactor" in _imports(_walk_outside_functions(tree))
    ]
    return found + _circle(trees)


def _module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _imports(nodes: Iterator[ast.AST]) -> set[str]:
    """Every dotted name that `nodes` import; `from a import b` counts as `a.b`."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names}
    return found


def _walk_outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is loaded."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, FUNCTIONS):
            yield from _walk_outside_functions(child)


def _objections(module: str, name: str) -> Iterator[str]:
    part, imported, top = _part(module), _part(name), name.partition(".")[0]
    if name.startswith("."):
        yield "imports are absolute"
    if imported and _floor(imported) > _floor(part):
        yield f"{imported} is above {part or 'the package itself'}"
    if imported in ADAPTERS and part in ADAPTERS and imported != part:
        yield "adapters do not know each other"
    if imported == "relay" and part in ADAPTERS:
        yield "adapters are given what they call"
    if top in WALLED and not _inside(module, WALLED[top]):
        yield f"only {' and '.join(WALLED[top])} may"
    if top in NOT_IN_CORE and part == "core":
        yield "the core has no clock, no chance, no input and output"


def _part(name: str) -> str:
    """`net` for `camrelay.net.door`; empty for the package itself and for all other packages."""
    top, _, rest = name.partition(".")
    part = rest.partition(".")[0]
    return part if top == "camrelay" and _floor(part) >= 0 else ""


def _floor(part: str) -> int:
    return next((number for number, parts in enumerate(FLOORS) if part in parts), -1)


def _inside(module: str, places: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{place}.") for place in places)


def _circle(trees: Mapping[str, ast.AST]) -> list[str]:
    """The first circle among the modules of `trees`, as a list of at most one line."""
    graph = {}
    for module, tree in trees.items():
        names = (_owner(name, trees) for name in _imports(ast.walk(tree)))
        graph[module] = {name for name in names if name and name != module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["a circle: " + " -> ".join(reversed(error.args[1]))]
    return []


def _owner(name: str, modules: Mapping[str, object]) -> str:
    """The module that `name` lives in, or empty."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def test_the_package_obeys_the_law() -> None:
    """No module of camrelay imports what its floor may not know."""
    assert violations(Path(camrelay.__file__).parent) == []


def test_every_module_stands_on_a_floor() -> None:
    """A new top-level module is given its floor here before anything may import it."""
    package = Path(camrelay.__file__).parent
    parts = {path.stem for path in package.glob("*.py")} - {"__init__"}
    parts |= {path.parent.name for path in package.glob("*/__init__.py")}
    assert {part for part in parts if _floor(part) < 0} == set()


LAWFUL = {
    "core/errors.py": "import math",
    "core/room.py": "from camrelay.core import errors\nfrom camrelay.core.errors import Error",
    "net/websocket.py": "import autobahn.websocket\nfrom camrelay.net import tls",
    "net/tls.py": "from camrelay import core, web",
    "ops/logs.py": "import json",
    "redis/protocol.py": "from txredisapi import HiredisProtocol",
    "service.py": "import camrelay.net.websocket\nimport camrelay.redis.protocol",
    "tap.py": "def make():\n    from twisted.internet import reactor\n    return reactor",
}


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("core/a.py", "import time", "camrelay.core.a imports time: the core"),
        ("core/a.py", "from twisted.internet import defer", "imports twisted.internet.defer: the"),
        ("core/a.py", "def f():\n    import os.path", "camrelay.core.a imports os.path: the core"),
        ("core/a.py", "import camrelay.net.tls", "camrelay.net.tls: net is above core"),
        ("relay.py", "from camrelay import config", "camrelay.config: config is above relay"),
        ("ports.py", "from camrelay.relay import Relay", "relay is above ports"),
        ("__init__.py", "from camrelay.core import errors", "core is above the package itself"),
        ("net/door.py", "from camrelay.redis import link", "adapters do not know each other"),
        ("ops/logs.py", "from camrelay.relay import Relay", "adapters are given what they call"),
        ("ops/logs.py", "import autobahn", "ops.logs imports autobahn: only camrelay.net may"),
        ("net/door.py", "import txredisapi", "only camrelay.redis.protocol may"),
        ("net/door.py", "import sqlite3", "only camrelay.history.sqlite may"),
        ("core/errors.py", "from camrelay.core import room", "circle: camrelay.core."),
        ("net/tls.py", "from . import door", "imports are absolute"),
        ("tap.py", "from twisted.internet import reactor", "tap imports the reactor when"),
    ],
)
def test_the_law_is_enforced(tmp_path: Path, path: str, source: str, complaint: str) -> None:
    """One broken import in a lawful package is found and named; without it nothing is."""
    package = tmp_path / "camrelay"
    for name, text in {"__init__.py": "", **LAWFUL}.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, "utf-8")
    assert violations(package) == []
    (package / path).write_text(source, "utf-8")
    found = violations(package)
    assert len(found) == 1
    assert complaint in found[0]
