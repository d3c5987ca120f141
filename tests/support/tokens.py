"""Keys and tokens as others make them, good ones and bad ones."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from jwt import PyJWK

from camrelay.identity.jwk import new_key

Members = dict[str, Any]


class NotedKeys:
    """Notes what happens to keys."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.read: list[tuple[str, list[str]]] = []
        self.not_read: list[tuple[str, str]] = []
        self.not_made: list[str] = []

    def keys_read(self, place: str, names: Sequence[str]) -> None:
        """The keys of a file or URL have changed."""
        self.read.append((place, list(names)))

    def keys_not_read(self, place: str, why: str) -> None:
        """They could not be read."""
        self.not_read.append((place, why))

    def keys_not_made(self, why: str) -> None:
        """The first key cannot be made."""
        self.not_made.append(why)


def key(kid: str, algorithm: str = "ES256") -> Members:
    """A new key with its private part."""
    return new_key(kid, algorithm)


def public(members: Members) -> Members:
    """What may be shown to everybody."""
    return {name: value for name, value in members.items() if name != "d"}


def key_set(*keys: Members) -> bytes:
    """A JWK Set."""
    return json.dumps({"keys": keys}).encode()


def token(members: Members, header: Members | None = None, **claims: Any) -> str:
    """A token signed by PyJWT with a key: for alice, for a minute, unless `claims` say otherwise.

    A claim that is None is left out.
    """
    said = {"sub": "alice", "exp": int(time.time()) + 3600, **claims}
    return jwt.encode(
        {name: value for name, value in said.items() if value is not None},
        PyJWK(members, members["alg"]).key,
        members["alg"],
        headers={"kid": members["kid"], **(header or {})},
    )


def forged(header: object, claims: object, signature: bytes = b"") -> str:
    """A token of whatever parts."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def write_secret(file: Path, content: bytes) -> Path:
    """A file that only its owner may read."""
    file.touch(mode=0o600)
    file.write_bytes(content)
    return file
