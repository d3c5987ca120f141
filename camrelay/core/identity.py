"""Who somebody is, and what they were granted: read from a token, the same for sockets and HTTP."""

from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True)
class Grants:
    """What a token allows, as patterns: see camrelay.core.grants.

    `subscribe` and `publish` are about rooms, `send` and `receive` about channels.
    """

    subscribe: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    send: tuple[str, ...] = ()
    receive: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whose token was verified.

    `subject` is unique and cannot be chosen freely; `name` is what others see, and a guest chooses
    it. `expires_at` is in seconds since 1970. `key` is the thumbprint of the key that has signed
    the token, empty where there was none: not who it is, but why that is believed.
    """

    subject: str
    name: str = ""
    grants: Grants = Grants()
    expires_at: float = inf
    is_guest: bool = False
    key: str = field(default="", repr=False, compare=False)

    @property
    def shown_as(self) -> str:
        """What others see."""
        return self.name or self.subject
