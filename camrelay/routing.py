"""The route table: the built-in routes, and those of the operator before them."""

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from camrelay.config import RouteLimits, RouteSetting
from camrelay.core.access import Access
from camrelay.core.errors import StartError
from camrelay.core.history import Keep
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.echo import JsonEcho, PythonEcho, RawEcho
from camrelay.core.kinds.kind import Kind
from camrelay.core.kinds.pose import Pose
from camrelay.core.kinds.text import Text
from camrelay.core.limits import USUAL_LIMITS, Limits, Rate
from camrelay.core.routes import Route, RouteTable
from camrelay.core.terms import Terms

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


# Messages that are kept in the rooms of a kind, when the route does not say.
KEPT = {"chat": 1000}


def route_table(
    own: Sequence[RouteSetting], limits: Limits = USUAL_LIMITS, keeps: bool = False
) -> RouteTable:
    """The operator's `own` routes and then the built-in ones. Raises StartError.

    `limits` hold where a route has none of its own. `keeps`: there is a history to keep things in.
    """
    return RouteTable(
        Route(route.path, _kind(route), _terms(route, limits, keeps), route.room)
        for route in (*own, *BUILT_IN)
    )


def _terms(route: RouteSetting, limits: Limits, keeps: bool) -> Terms:
    messages = KEPT.get(route.kind, 0) if route.history is None else route.history
    keep = Keep(messages, route.history_age) if keeps and messages else None
    access = Access(route.access, route.subscribe, route.publish)
    return Terms(access, keep, _limits(route.limits, limits))


def _limits(own: RouteLimits, usual: Limits) -> Limits:
    said: dict[str, Any] = {
        "messages": None if own.message_rate is None else twice_at_once(own.message_rate),
        "bytes": None if own.byte_rate is None else twice_at_once(own.byte_rate),
        "message_size": own.max_message_size,
        "garbage": None if own.garbage_rate is None else garbage_at(own.garbage_rate),
        "retain": own.retain,
        "members": own.members,
        "ids": own.ids,
        "outbox_bytes": own.unread_bytes,
        "outbox_frames": own.unread_messages,
    }
    return replace(usual, **{name: value for name, value in said.items() if value is not None})


def twice_at_once(rate: float) -> Rate:
    """`rate` a second on average, and twice as many at once."""
    return Rate(rate, 2 * rate)


def garbage_at(rate: float) -> Rate:
    """`rate` a second on average, and five times as many at once."""
    return Rate(rate, 5 * rate)


def _kind(route: RouteSetting) -> Kind:
    wanted = f"kind of route {route.path}"
    made = KINDS.get(route.kind) or _imported(route.kind, wanted)
    options = route.options
    if route.kind in KINDS and route.limits.max_message_size is not None:
        options = {"max_size": route.limits.max_message_size} | options
    try:
        kind: Kind = made(**options)
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
