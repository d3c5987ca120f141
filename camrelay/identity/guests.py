"""People who have told nothing about themselves but a name."""

import secrets

from camrelay.core.display_names import display_name
from camrelay.core.identity import Identity


def guest_identity(name: str) -> Identity:
    """Somebody new who wants to be called `name`. Nobody can choose, or guess, the subject.

    Raises Denied(400) for a name that cannot be shown.
    """
    return Identity(f"guest-{secrets.token_hex(8)}", display_name(name), is_guest=True)
