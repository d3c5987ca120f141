"""The route table: the built-in routes, and those of the operator before them."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from camrelay.config import RouteSetting
from camrelay.core.access import Access
from camrelay.core.errors import StartError
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.echo import JsonEcho, PythonEcho, RawEcho
from camrelay.core.kinds.kind import Kind
from camrelay.core.kinds.pose import Pose
from camrelay.core.kinds.text import Text
from camrelay.core.routes import Route, RouteTable

KINDS: dict[str, type[Any]] = {
    "pose": Pose,
    "chat": Chat,
    "text": Text,
    "raw-echo": RawEcho,
    "json-echo": JsonEcho,
    "python-echo": PythonEcho,
}

BUILT_IN = (
    RouteSetting("/ws/camera", "pose"),
    RouteSetting("/ws/camera/{room}", "pose"),
    RouteSetting("/ws/chat/{room}", "chat"),
    RouteSetting("/ws/text/{room}", "text"),
    RouteSetting("/websock1-2", "python-echo"),
    RouteSetting("/echo/json", "json-echo"),
    RouteSetting("/echo", "raw-echo"),
    RouteSetting("/{room}", "text"),
)


def route_table(own: Sequence[RouteSetting]) -> RouteTable:
    """The operator's `own` routes and then the built-in ones. Raises StartError."""
    return RouteTable(map(_route, (*own, *BUILT_IN)))


def _route(route: RouteSetting) -> Route:
    access = Access(route.access, route.subscribe, route.publish)
    return Route(route.path, _kind(route), access, route.room)


def _kind(route: RouteSetting) -> Kind:
    wanted = f"kind of route {route.path}"
    made = KINDS.get(route.kind) or _imported(route.kind, wanted)
    try:
        kind: Kind = made(**route.options)
    except Exception as error:  # the constructor may be the user's
        raise StartError(wanted, route.kind, f"cannot be made with its options: {error}") from error
    for name in ("newest_counts", "private", "is_json", "max_size", "read"):
        if not hasattr(kind, name):
            raise StartError(wanted, route.kind, f"is no kind: it has no {name!r}")
    if not isinstance(kind.max_size, int) or kind.max_size < 1:
        remedy = f"has max_size {kind.max_size!r}: use a whole number of bytes, 1 or more"
        raise StartError(wanted, route.kind, remedy)
    return kind


def _imported(name: str, wanted: str) -> Any:
    module, colon, attribute = name.partition(":")
    if not colon:
        known = ", ".join(KINDS)
        raise StartError(wanted, name, f"is not known: use {known} or package.module:Class")
    here = os.getcwd()
    if here not in sys.path:  # twistd leaves it out, but that is where people keep their kinds
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the module may be the user's
        raise StartError(wanted, name, f"cannot be imported: {error}") from error
