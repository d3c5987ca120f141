"""How a server is spoken to, if it is not with plain JSON: read from a TOML file.

    subprotocol = "mqtt"                # offered in the handshake
    binary = true                       # messages go out in binary frames
    prefix = "PUB {room} {size}\\r\\n"    # before the JSON of every message
    suffix = "\\r\\n"                     # and after it

    [[hello]]                           # in this order, after the handshake
    send = "CONNECT {\\"verbose\\":true}\\r\\n"
    wait = "+OK"                        # go on when a frame contains this
    only = "subscriber"                 # or "publisher"; left out: both

    [[reply]]                           # a frame that contains `to` is answered
    to = "PING"
    with = "PONG\\r\\n"

In every text `{room}` is the room's name, `{client}` a six-digit number that no other connection
has, `{size}` the length of the JSON in bytes. Characters stand for bytes (`\\u0000` to `\\u00ff`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camrelay.core.errors import StartError

_KEYS: dict[str, type] = {
    "subprotocol": str,
    "binary": bool,
    "prefix": str,
    "suffix": str,
    "hello": list,
    "reply": list,
}
_STEP_KEYS: dict[str, type] = {"send": str, "wait": str, "only": str}
_REPLY_KEYS: dict[str, type] = {"to": str, "with": str}


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the greeting: send something, wait for something, or both."""

    send: str = ""
    wait: str = ""
    only: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What surrounds the JSON of a message, and what is said before the first one."""

    subprotocol: str = ""
    binary: bool = False
    prefix: str = ""
    suffix: str = ""
    hello: tuple[Step, ...] = ()
    replies: tuple[tuple[bytes, bytes], ...] = ()

    def names_rooms(self) -> bool:
        """Whether it says anywhere which room is meant, so that the URL need not."""
        texts = [self.prefix, self.suffix, *(step.send for step in self.hello)]
        return any("{room}" in text for text in texts)


PLAIN = Dialect()
"""A message is its JSON in a text frame, and a connection is in its room when it is open."""


def fill(template: str, room: str, client: int, size: int = 0) -> bytes:
    """The bytes of `template` for one connection."""
    text = template.replace("{room}", room).replace("{client}", f"{client:06d}")
    return text.replace("{size}", str(size)).encode("latin-1")


def read_dialect(path: Path) -> Dialect:
    """The dialect in the TOML file `path`. Raises StartError if it cannot be read or used."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return _dialect(table)
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, ValueError) as error:
        raise StartError("--dialect", str(path), f"cannot be used: {error}") from error


def _dialect(table: Mapping[str, Any]) -> Dialect:
    _check_keys(table, _KEYS)
    for step in table.get("hello", ()):
        _check_keys(step, _STEP_KEYS)
        if step.get("only", "") not in ("", "subscriber", "publisher"):
            raise ValueError(f"only = {step['only']!r} must be 'subscriber' or 'publisher'")
    for reply in table.get("reply", ()):
        _check_keys(reply, _REPLY_KEYS)
        if not reply.get("to") or "with" not in reply:
            raise ValueError("[[reply]] needs `to` and `with`")
    return Dialect(
        subprotocol=table.get("subprotocol", ""),
        binary=table.get("binary", False),
        prefix=table.get("prefix", ""),
        suffix=table.get("suffix", ""),
        hello=tuple(Step(**step) for step in table.get("hello", ())),
        replies=tuple(
            (reply["to"].encode("latin-1"), reply["with"].encode("latin-1"))
            for reply in table.get("reply", ())
        ),
    )


def _check_keys(table: Mapping[str, Any], known: Mapping[str, type]) -> None:
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"{key!r} is unknown, there are: {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise ValueError(f"{key} = {value!r} must be of type {known[key].__name__}")
        if isinstance(value, str):
            value.encode("latin-1")
