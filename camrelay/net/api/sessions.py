"""Calls about who one is: sign in as a guest, see it, sign out.

POST   /api/session    {"name": "Ana"}
GET    /api/session
DELETE /api/session
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import msgspec

from camrelay.core.credentials import COOKIE
from camrelay.core.errors import Denied
from camrelay.core.identity import Identity
from camrelay.core.kinds.strict_json import decode
from camrelay.net.api.answers import Answer, in_json
from camrelay.net.api.call import Call
from camrelay.ports import Visiting


class Guest(NamedTuple):
    """Somebody who has just signed in."""

    identity: Identity
    token: str


# Raises Denied(400) for a name that cannot be used.
SignIn = Callable[[str], Guest]


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    name: str


_WISH = msgspec.json.Decoder(_Wish)


class SessionCalls:
    """The session is a token: in a cookie for the browser, in the answer for everybody else."""

    def __init__(self, visits: Visiting, sign_in: SignIn, seconds: float) -> None:
        """`sign_in` makes a guest, whose token lasts for `seconds`."""
        self._visits = visits
        self._sign_in = sign_in
        self._seconds = seconds

    def sign_in(self, call: Call) -> Answer:
        """Become a guest with a name of one's own."""
        self._visits.identify(call.stranger())
        wish = decode(_WISH, call.text, is_binary=False)
        guest = self._sign_in(wish.name)
        seen = {**_seen(guest.identity), "token": guest.token}
        return in_json(seen, 201, Set_Cookie=_cookie(call, guest.token, int(self._seconds)))

    def show(self, call: Call) -> Answer:
        """Who asks."""
        identity = self._visits.identify(call.request())
        if identity is None:
            raise Denied(401, "you are not signed in")
        return in_json(_seen(identity))

    def sign_out(self, call: Call) -> Answer:
        """Forget the cookie; the token in it stays good until it expires."""
        self._visits.identify(call.stranger())
        return in_json({}, Set_Cookie=_cookie(call, "", 0))


def _seen(identity: Identity) -> dict[str, object]:
    expires_at = None if identity.expires_at == inf else identity.expires_at
    return {
        "subject": identity.subject,
        "name": identity.shown_as,
        "guest": identity.is_guest,
        "expires_at": expires_at,
    }


def _cookie(call: Call, token: str, seconds: int) -> str:
    """No script can read it, and no other site can make a browser send it (RFC 6265bis)."""
    cookie = f"{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
    return f"{cookie}; Secure" if call.is_secure else cookie
