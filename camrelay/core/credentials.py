"""Where a request shows its token, and which one counts when it shows several."""

import re
from collections.abc import Collection, Mapping
from typing import Protocol

from camrelay.core.errors import Denied
from camrelay.core.origins import is_own

COOKIE = "camrelay_session"
PARAMETERS = ("token", "session_key")

# Characters of a token.
MAX_LENGTH = 8192

# What a header can carry as a token (RFC 6750 section 2.1), and a JWT is (RFC 7515 section 7.1).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Shown(Protocol):
    """What a request says about who asks. A header that is missing is empty; no port in `host`."""

    @property
    def authorization(self) -> str:
        """The header."""
        ...

    @property
    def cookie(self) -> str:
        """The header."""
        ...

    @property
    def query(self) -> Mapping[str, str]:
        """The first value of each parameter."""
        ...

    @property
    def origin(self) -> str | None:
        """The header; None when the client is no browser."""
        ...

    @property
    def host(self) -> str:
        """The server, as the client calls it."""
        ...


def token_of(shown: Shown, origins: Collection[str]) -> str:
    """The token that counts, or empty: the header's, or else the query's, or else the cookie's.

    A browser sends cookies with whatever a page asks for, so that of another site could act for
    the user: the cookie counts only when the page is this server's own, or its origin one of
    `origins`, by name. Raises Denied(401) for what can be no token, without quoting it.
    """
    token = _from_header(shown.authorization) or _from_query(shown.query)
    if not token and _is_trusted(shown, origins):
        token = _from_cookie(shown.cookie)
    if token:
        check_token(token)
    return token


def check_token(token: str) -> None:
    """Refuse what is too long or holds what no token does, before anything reads it."""
    if len(token) > MAX_LENGTH:
        raise Denied(401, f"the token is too long: at most {MAX_LENGTH} characters")
    if not _TOKEN.fullmatch(token):
        raise Denied(401, "the token is damaged: it has characters that no token has")


def _from_header(authorization: str) -> str:
    """The token of `Bearer TOKEN`; other schemes are meant for a proxy on the way."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return ""
    if not token.strip(" "):
        raise Denied(401, "the header says Bearer, but no token")
    return token.strip(" ")


def _from_query(query: Mapping[str, str]) -> str:
    return next((query[name] for name in PARAMETERS if query.get(name)), "")


def _is_trusted(shown: Shown, origins: Collection[str]) -> bool:
    origin = shown.origin
    return origin is not None and (origin in origins or is_own(origin, shown.host))


def _from_cookie(header: str) -> str:
    """The value of our cookie (RFC 6265 section 5.4).

    http.cookies gives up at the first cookie that it cannot read, and every application on
    the same host may leave one.
    """
    pairs = (pair.partition("=") for pair in header.split(";"))
    values = {
        value.strip(" \t").strip('"') for name, _, value in pairs if name.strip(" \t") == COOKIE
    }
    if len(values) > 1:
        raise Denied(401, f"two different cookies {COOKIE}: delete the cookies of this site")
    return values.pop() if values else ""
