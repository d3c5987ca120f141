"""The route table: what is wrong with it, and how people read it."""

from collections.abc import Iterator, Sequence

from tabulate import tabulate

from camrelay.config import RouteSetting
from camrelay.core.errors import StartError
from camrelay.routing import BUILT_IN, route_table
from camrelay.tools.findings import Finding, not_startable, ok, warning

SUBJECT = "routes"


def look_at_routes(own: Sequence[RouteSetting]) -> Iterator[Finding]:
    """Every route of one's own is made once; those that can never match are told."""
    wrong = 0
    for place, route in enumerate(own):
        try:
            route_table([route])
        except StartError as error:
            wrong += 1
            yield not_startable(SUBJECT, error)
        if any(_shape(route) == _shape(earlier) for earlier in own[:place]):
            remedy = "remove one of them: the first one gets every connection"
            yield warning(SUBJECT, f"{route.path} is there twice", remedy)
    if not wrong:
        yield ok(SUBJECT, f"{len(own)} of your own, {len(BUILT_IN)} built in")


def _shape(route: RouteSetting) -> list[str]:
    """Two routes of the same shape match the same paths."""
    parts = route.path.strip("/").split("/")
    return ["{}" if part.startswith("{") else part for part in parts]


def rows(own: Sequence[RouteSetting]) -> list[dict[str, object]]:
    """The table in the order in which routes are tried."""
    return [
        {
            "path": route.path,
            "kind": route.kind,
            "options": route.options,
            "from": "your file" if place < len(own) else "built in",
        }
        for place, route in enumerate((*own, *BUILT_IN))
    ]


def table(own: Sequence[RouteSetting]) -> str:
    """The same for a terminal."""
    shown = [row | {"options": _options(row["options"])} for row in rows(own)]
    return tabulate(shown, headers="keys", tablefmt="simple", disable_numparse=True)


def _options(options: object) -> str:
    assert isinstance(options, dict)
    return ", ".join(f"{name}={value!r}" for name, value in options.items())
