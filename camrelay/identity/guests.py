"""Guests: identities with a name of their own choice, and nothing else."""

import secrets

from camrelay.core.display_names import display_name
from camrelay.core.identity import Identity


def guest_identity(name: str) -> Identity:
    """A new guest called `name`. The subject is random: nobody can choose or guess it.

    Raises Denied(400) for a name that cannot be shown.
    """
    return Identity(f"guest-{secrets.token_hex(8)}", display_name(name), is_guest=True)
