"""docs/limits.md says what the code does."""

import re
from pathlib import Path

from camrelay.config import OPTIONS, RouteLimits
from camrelay.core.errors import FRAME_FLOOD, GARBAGE_FLOOD, SLOW_CONSUMER
from camrelay.core.limits import USUAL_LIMITS, Rate
from camrelay.routing import garbage_at, twice_at_once

PAGE = (Path(__file__).parents[1] / "docs" / "limits.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line[1:-1].split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| what", "| ---"))
]
# What only a route can say, and what it is otherwise.
OF_ROUTES = {
    "garbage-rate": USUAL_LIMITS.garbage.per_second,
    "unread-bytes": USUAL_LIMITS.outbox_bytes,
    "unread-messages": USUAL_LIMITS.outbox_frames,
    "ids": USUAL_LIMITS.ids,
}


def test_every_limit_of_a_route_is_named_once() -> None:
    """And no other."""
    named = [row[5].strip("`") for row in ROWS if row[5]]
    assert sorted(named) == sorted(RouteLimits.__struct_encode_fields__)


def test_every_default_is_right() -> None:
    """Of settings, and of what only a route can say."""
    for what, default, _, _, setting, route in ROWS:
        if setting:
            option = OPTIONS[setting.strip("`-").replace("-", "_")]
            assert default == ("" if option.default is None else f"{option.default:.0f}"), what
        else:
            assert float(default) == OF_ROUTES[route.strip("`")], what


def test_bursts_are_right() -> None:
    """Twice as many at once, and five times as much garbage."""
    assert twice_at_once(10) == Rate(10, 20)
    assert garbage_at(10) == Rate(10, 50)
    assert garbage_at(USUAL_LIMITS.garbage.per_second) == USUAL_LIMITS.garbage
    assert twice_at_once(USUAL_LIMITS.messages.per_second) == USUAL_LIMITS.messages


def test_close_codes_are_right() -> None:
    """Those that are our own."""
    codes = {int(code) for code in re.findall(r"\b4[01]0[0-9]\b", PAGE)}
    assert codes == {reason.code for reason in (SLOW_CONSUMER, GARBAGE_FLOOD, FRAME_FLOOD)}
