"""Whether the data directory can be written to. It is not made if it is not there."""

import os
import tempfile
from pathlib import Path

from camrelay.tools.findings import Finding, ok, problem, warning

SUBJECT = "data"


def look_at_directory(directory: Path, needed: bool) -> Finding:
    """A file without a name is written there, or in the folder in which it would be made.

    `needed`: the server does not start without it.
    """
    found = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    missing = "" if found == directory else ", which will be made,"
    try:
        with tempfile.TemporaryFile(dir=found) as file:
            file.write(b"camrelay")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        text = f"{directory}{missing} cannot be written to ({error.strerror})"
        remedy = f"let the user who runs camrelay write to {found}, or name another --data-dir"
        return (problem if needed else warning)(SUBJECT, text, remedy)
    return ok(SUBJECT, f"{directory}{missing} can be written to")
