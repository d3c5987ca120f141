"""The route table: what is wrong with it, and how people read it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from tabulate import tabulate

from camrelay.config import RouteSetting
from camrelay.core.errors import StartError
from camrelay.routing import BUILT_IN, route_table
from camrelay.tools.findings import Finding, not_startable, ok, warning

SUBJECT = "routes"


def look_at_routes(own: Sequence[RouteSetting]) -> Iterator[Finding]:
    """Every route of one's own is made once, and then all; those that never match are told."""
    wrong: list[Finding] = []
    for place, route in enumerate(own):
        wrong += _made([route])
        if any(_shape(route) == _shape(earlier) for earlier in own[:place]):
            remedy = "remove one of them: the first one gets every connection"
            yield warning(SUBJECT, f"{route.path} is there twice", remedy)
    wrong = wrong or _made(own)
    yield from wrong
    if not wrong:
        yield ok(SUBJECT, f"{len(own)} of your own, {len(BUILT_IN)} built in")


def _made(own: Sequence[RouteSetting]) -> list[Finding]:
    try:
        route_table(own)
    except StartError as error:
        return [not_startable(SUBJECT, error)]
    return []


def _shape(route: RouteSetting) -> list[str]:
    """Two routes of the same shape match the same paths."""
    parts = route.path.strip("/").split("/")
    return ["{}" if part.startswith("{") else part for part in parts]


def rows(own: Sequence[RouteSetting]) -> list[dict[str, Any]]:
    """Everything about each route, in the order in which routes are tried."""
    return [
        {**msgspec.to_builtins(route), "from": "your file" if place < len(own) else "built in"}
        for place, route in enumerate((*own, *BUILT_IN))
    ]


def table(own: Sequence[RouteSetting]) -> str:
    """The same for a terminal: with what a route does in another way than others."""
    shown = [
        {
            "path": row["path"],
            "kind": row["kind"],
            "options": ", ".join(_unusual(row)),
            "from": row["from"],
        }
        for row in rows(own)
    ]
    return tabulate(shown, headers="keys", tablefmt="simple", disable_numparse=True)


def _unusual(row: Mapping[str, Any]) -> Iterator[str]:
    usual = msgspec.to_builtins(RouteSetting(row["path"], row["kind"])) | {"from": row["from"]}
    for name, value in row.items():
        if isinstance(value, dict):
            usual_parts = usual[name]
            parts = value.items()
            yield from (f"{part}={each!r}" for part, each in parts if each != usual_parts.get(part))
        elif value != usual[name]:
            yield f"{name}={value!r}"
