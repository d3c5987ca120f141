"""What a route says about its rooms, besides what happens to a message there."""

from dataclasses import dataclass

from camrelay.core.access import OPEN, Access
from camrelay.core.history import Keep
from camrelay.core.limits import USUAL_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may come in, how much is kept (None: nothing), and what each connection may do."""

    access: Access = OPEN
    keep: Keep | None = None
    limits: Limits = USUAL_LIMITS


USUAL = Terms()
