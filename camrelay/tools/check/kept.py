"""What a start reads of what was kept: the keys that sign tokens, those of others, the history."""

import time
from collections.abc import Iterator
from typing import Any

from twisted.internet.task import Clock

from camrelay.config import Settings, data_directory, history_of
from camrelay.core.errors import StartError
from camrelay.identity.key_file import KeyFile
from camrelay.identity.others import OthersKeys
from camrelay.tools.findings import Finding, not_startable, ok
from camrelay.wiring.stores import check_history


def look_at_keys(settings: Settings) -> Iterator[Finding]:
    """The keys of this server, if it has any yet, and those that `--jwks` names. Nothing is asked
    of a URL: the server starts without the answer."""
    try:
        own = KeyFile(data_directory(settings)).read()
        if own is not None:
            yield ok("keys", f"{len(own.keys.keys)} of its own; {own.signing.kid} signs")
    except StartError as error:
        yield not_startable("keys", error)
    nobody: Any = None
    for place in settings.jwks:
        try:
            OthersKeys((place,), Clock(), time.monotonic, nobody)
            yield ok("keys", f"those of {place} are accepted")
        except StartError as error:
            yield not_startable("keys", error)


def look_at_history(settings: Settings) -> Finding:
    """Whether the place for it goes together with the rest."""
    try:
        check_history(settings)
    except StartError as error:
        return not_startable("history", error)
    wanted = history_of(settings)
    return ok("history", "is not kept" if wanted == "off" else f"is kept in {wanted}")
