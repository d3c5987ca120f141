"""How many connections the limit on open files leaves room for."""

from camrelay.net.open_files import connections_within
from camrelay.tools.findings import Finding, ok, warning

SUBJECT = "open files"
FEW = 1024
_REMEDY = "raise it: LimitNOFILE=65536 in the unit, `ulimit -Hn 65536` in a shell"


def look_at_limit(hard: int | None, wanted: int | None) -> Finding:
    """`hard` is the limit on open files, `wanted` what --max-connections says."""
    if hard is None:
        return ok(SUBJECT, "are not limited")
    room = connections_within(hard)
    text = f"{hard} at most: room for {room} connections"
    if wanted is not None and wanted > room:
        return warning(SUBJECT, f"{text}, not for --max-connections {wanted}", _REMEDY)
    if room < FEW:
        return warning(SUBJECT, text, _REMEDY)
    return ok(SUBJECT, text)
