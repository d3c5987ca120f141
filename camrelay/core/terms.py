"""What a route says about its rooms besides their kind: access, history and limits."""

from dataclasses import dataclass

from camrelay.core.access import OPEN, Access
from camrelay.core.history import Keep
from camrelay.core.limits import USUAL_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may use the rooms, how much history they keep (None: none), and the limits."""

    access: Access = OPEN
    keep: Keep | None = None
    limits: Limits = USUAL_LIMITS


USUAL = Terms()
