"""Keys as JSON (JWK, RFC 7517), each with the one algorithm that it may be used for.

A token says with which algorithm it was signed, but whoever forges one says what suits them. So
the algorithm comes from the key: a secret is for HS256, a key on P-256 for ES256, one on Ed25519
for EdDSA, and nothing else is read.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from jwt.exceptions import PyJWTError

HS256, ES256, EDDSA = ALGORITHMS = ("HS256", "ES256", "EdDSA")

_ALGORITHM_OF: dict[tuple[Any, Any], str] = {
    ("oct", ""): HS256,
    ("EC", "P-256"): ES256,
    ("OKP", "Ed25519"): EDDSA,
}

# What a key of a kind is known by, in this order (RFC 7638 section 3.2, RFC 8037 section 2).
_KNOWN_BY: Mapping[str, Sequence[str]] = {
    HS256: ("k", "kty"),
    ES256: ("crv", "kty", "x", "y"),
    EDDSA: ("crv", "kty", "x"),
}

# Bytes of a secret (RFC 7518 section 3.2), and of a set of keys.
SECRET_SIZE = 32
MAX_SIZE = 1 << 16

Members = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """A key that verifies tokens, and also signs them if its private part is known.

    `kid` is its name in tokens, or empty. `thumbprint` is that of RFC 7638: no other key has it,
    whatever its name. It is not to be shown, since that of a secret helps whoever guesses.
    """

    kid: str
    algorithm: str
    verifying: PyJWK = field(repr=False)
    signing: PyJWK | None = field(repr=False)
    thumbprint: str = field(repr=False)


class Keys(Protocol):
    """Keys that may change while the server runs."""

    def find(self, kid: str) -> Key | None:
        """The key for tokens that name `kid`; empty: for tokens that name none."""
        ...

    def believed(self) -> Mapping[str, Key]:
        """All of them, by their names."""
        ...


class KeySet:
    """Keys by their names."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        """Raises ValueError when two different keys have the same name."""
        self.keys: dict[str, Key] = {}
        for key in keys:
            known = self.keys.setdefault(key.kid, key)
            if known.verifying.key != key.verifying.key:
                raise ValueError(f"two different keys have the name {key.kid!r}")

    def find(self, kid: str) -> Key | None:
        """The key of that name. The only key of a set is also for tokens that name none."""
        if not kid and len(self.keys) == 1:
            return next(iter(self.keys.values()))
        return self.keys.get(kid)

    def believed(self) -> Mapping[str, Key]:
        """All of them, by their names."""
        return self.keys


class Document(msgspec.Struct):
    """A JWK Set as it is written: the members of each key.

    `signing`, which only our own file has, names the key that signs.
    """

    keys: list[dict[str, Any]]
    signing: str = ""


def read_document(content: bytes) -> Document:
    """The JWK Set in `content`. Raises ValueError."""
    if len(content) > MAX_SIZE:
        raise ValueError(f"more than {MAX_SIZE} bytes")
    try:
        return msgspec.json.decode(content, type=Document)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not a JWK Set: {error}") from None


def read_keys(content: bytes, secrets_too: bool = True) -> list[Key]:
    """The usable keys of a JWK Set; others are ignored (RFC 7517 section 5).

    `secrets_too`: HS256 keys as well. Raises ValueError when there is none.
    """
    found = [key for each in read_document(content).keys if (key := read_key(each)) is not None]
    usable = [key for key in found if secrets_too or key.algorithm != HS256]
    if not usable:
        wanted = "HS256 (32 bytes or more), ES256 or EdDSA" if secrets_too else "ES256 or EdDSA"
        raise ValueError(f"no key that can be used: it must be for {wanted}")
    return usable


def read_key(members: Members) -> Key | None:
    """The key that `members` describe; None if it is not of a usable type."""
    algorithm = _algorithm_of(members)
    kid = members.get("kid", "")
    if algorithm is None or not isinstance(kid, str):
        return None
    public = {name: value for name, value in members.items() if name != "d"}
    is_private = "d" in members or algorithm == HS256
    try:
        verifying = PyJWK(public, algorithm)
        signing = PyJWK(dict(members), algorithm) if is_private else None
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if algorithm == HS256 and len(verifying.key) < SECRET_SIZE:
        return None
    return Key(kid, algorithm, verifying, signing, _thumbprint(members, algorithm))


def _thumbprint(members: Members, algorithm: str) -> str:
    known_by = {name: members[name] for name in _KNOWN_BY[algorithm]}
    return sha256(msgspec.json.encode(known_by)).hexdigest()


def _algorithm_of(members: Members) -> str | None:
    kind = members.get("kty"), members.get("crv", "")
    if not all(isinstance(part, str) for part in kind):
        return None
    algorithm = _ALGORITHM_OF.get(kind)
    is_meant = members.get("alg", algorithm) == algorithm and members.get("use", "sig") == "sig"
    return algorithm if is_meant else None


def new_key(kid: str, algorithm: str) -> dict[str, Any]:
    """The members of a key that has never been used; `algorithm` is one of ALGORITHMS."""
    if algorithm == HS256:
        secret = urlsafe_b64encode(secrets.token_bytes(SECRET_SIZE)).rstrip(b"=").decode()
        members: dict[str, Any] = {"kty": "oct", "k": secret}
    elif algorithm == ES256:
        members = ECAlgorithm.to_jwk(generate_private_key(SECP256R1()), as_dict=True)
    else:
        members = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    return {"kid": kid, "use": "sig", "alg": algorithm, **members}
