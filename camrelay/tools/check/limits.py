"""How many connections the limit on open files leaves room for."""

import resource

from camrelay.core.doorman import COURTESY
from camrelay.tools.findings import Finding, ok, warning
from camrelay.wiring.front import RESERVED_DESCRIPTORS

SUBJECT = "open files"
FEW = 1024
_REMEDY = "raise it: LimitNOFILE=65536 in the unit, `ulimit -Hn 65536` in a shell"


def hard_limit() -> int | None:
    """What the process may open at most, None without a limit; the server raises itself to it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard


def look_at_limit(hard: int | None, wanted: int | None) -> Finding:
    """`hard` is the limit on open files, `wanted` what --max-connections says."""
    if hard is None:
        return ok(SUBJECT, "are not limited")
    room = max(1, hard - RESERVED_DESCRIPTORS - COURTESY)
    text = f"{hard} at most: room for {room} connections"
    if wanted is not None and wanted > room:
        return warning(SUBJECT, f"{text}, not for --max-connections {wanted}", _REMEDY)
    if room < FEW:
        return warning(SUBJECT, text, _REMEDY)
    return ok(SUBJECT, text)
