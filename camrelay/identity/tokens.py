"""JSON Web Tokens (RFC 7519): verified as RFC 8725 recommends, and signed."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import jwt
import msgspec
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    MissingRequiredClaimError,
    PyJWTError,
)

from camrelay.core.credentials import check_token
from camrelay.core.display_names import display_name
from camrelay.core.errors import Denied
from camrelay.core.grants import check_channel_pattern, check_pattern
from camrelay.core.identity import Grants, Identity
from camrelay.identity.jwk import Key, Keys
from camrelay.identity.own_keys import OwnKeys

# Whatever is wrong with a token, whoever forged it learns no more than this.
_TEXTS: dict[type[Exception], str] = {
    ExpiredSignatureError: "the token has expired: get a new one",
    ImmatureSignatureError: "the token is not valid yet: are the clocks right?",
    InvalidAudienceError: "the token is for another audience (aud): see --token-audience",
    InvalidIssuerError: "the token is from another issuer (iss): see --token-issuer",
}
_INVALID = "the token is damaged, or was not signed with the key that it names"


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What tokens must contain: `audience` and `issuer`, unless None.

    `leeway`: seconds by which the clocks of others may differ from ours.
    """

    audience: str | None = None
    issuer: str | None = None
    leeway: float = 10.0


class _Granted(msgspec.Struct, frozen=True):
    subscribe: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    send: tuple[str, ...] = ()
    receive: tuple[str, ...] = ()


class _Claims(msgspec.Struct, frozen=True):
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    exp: float
    name: str | None = None
    guest: bool = False
    camrelay: _Granted = _Granted()


class Tokens:
    """Implements `camrelay.ports.Verifier`, and signs."""

    def __init__(
        self, own: OwnKeys, others: Keys, rules: TokenRules, unix: Callable[[], float]
    ) -> None:
        """Tokens may be signed with a key of `own` or of `others`; we sign with our own.

        `unix`: seconds since 1970, for the tokens that are signed. Those that are read are judged
        by the system's clock.
        """
        self._own = own
        self._others = others
        self._rules = rules
        self._unix = unix

    def verify(self, token: str) -> Identity:
        """The identity in `token`. Raises Denied(401) with a text that never quotes it.

        The identity ends when the token does, leeway included.
        """
        check_token(token)
        key = self._key_for(token)
        rules = self._rules
        claims = _read(
            jwt.decode,
            token,
            key.verifying,
            algorithms=[key.algorithm],
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=rules.leeway,
            options={"require": ["exp", "sub"], "verify_sub": False},  # _Claims says it in words
        )
        return _identity(claims, rules.leeway, key)

    def believed(self) -> frozenset[str]:
        """The thumbprints of all keys with which a token may be signed now."""
        keys = {**self._others.believed(), **self._own.believed()}
        return frozenset(key.thumbprint for key in keys.values())

    def _key_for(self, token: str) -> Key:
        kid = _read(jwt.get_unverified_header, token).get("kid", "")
        key = self._own.find(kid) or self._others.find(kid)
        if key is None:
            named = "names a key that is not accepted here" if kid else "names no key (kid)"
            raise Denied(401, f"the token {named}")
        return key

    def sign(self, identity: Identity, ttl: float) -> str:
        """A token for `identity`, valid for `ttl` seconds, whatever `identity.expires_at` says.

        Raises StartError when there is no key yet and none can be made.
        """
        key = self._own.signing()
        assert key.signing is not None
        now = int(self._unix())
        granted = {name: patterns for name, patterns in asdict(identity.grants).items() if patterns}
        claims = {
            "sub": identity.subject,
            "name": identity.name,
            "guest": identity.is_guest,
            "camrelay": granted,
            "aud": self._rules.audience,
            "iss": self._rules.issuer,
            "iat": now,
            "exp": now + int(ttl),
        }
        said = {name: value for name, value in claims.items() if value}
        return jwt.encode(said, key.signing, key.algorithm, headers={"kid": key.kid})


def _read(read: Callable[..., dict[str, Any]], *given: Any, **options: Any) -> dict[str, Any]:
    try:
        return read(*given, **options)
    except MissingRequiredClaimError as error:
        raise Denied(401, f"the token has no claim {error.claim!r}") from None
    except (PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Denied(401, _TEXTS.get(type(error), _INVALID)) from None


def _identity(claims: dict[str, Any], leeway: float, key: Key) -> Identity:
    try:
        said = msgspec.convert(claims, _Claims)
    except msgspec.ValidationError as error:
        raise Denied(401, f"the token cannot be used: {str(error).replace('`', '')}") from None
    if not said.sub.isprintable():
        raise Denied(401, "the token cannot be used: sub has unprintable characters")
    granted = said.camrelay
    _check(check_pattern, granted.subscribe + granted.publish)
    _check(check_channel_pattern, granted.send + granted.receive)
    return Identity(
        subject=said.sub,
        name=_shown(said.name or ""),
        grants=Grants(granted.subscribe, granted.publish, granted.send, granted.receive),
        expires_at=said.exp + leeway,
        is_guest=said.guest,
        key=key.thumbprint,
    )


def _check(check: Callable[[str], None], patterns: tuple[str, ...]) -> None:
    """Refuse grants that can match nothing: such a mistake would be hard to find."""
    try:
        for pattern in patterns:
            check(pattern)
    except Denied as denied:
        raise Denied(401, f"the token cannot be used: {denied.text}") from None


def _shown(name: str) -> str:
    """A name that cannot be displayed is ignored: others then see the subject."""
    try:
        return display_name(name) if name else ""
    except Denied:
        return ""
