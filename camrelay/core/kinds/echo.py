"""Echoes: the answer to a message goes to its sender alone."""

import json
import math
from typing import Any, NoReturn

import msgspec

from camrelay.core.errors import Rejected
from camrelay.core.kinds.kind import Message, refuse_binary
from camrelay.core.kinds.strict_json import decode, encode


class RawEcho:
    """Sends back what came, text or binary, empty or not."""

    newest_counts = False
    private = True
    is_json = False

    def __init__(self, max_size: int = 1 << 24) -> None:
        """`max_size`: bytes of one message; the limit of the whole server comes first."""
        self.max_size = max_size

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The same bytes."""
        return Message(payload, is_binary=is_binary)


class _Spoken(msgspec.Struct, frozen=True):
    message: msgspec.Raw


class JsonEcho:
    """`{"message": anything}` in, the same out; other fields are dropped."""

    newest_counts = False
    private = True
    is_json = True

    def __init__(self, max_size: int = 65536) -> None:
        """`max_size`: bytes of one message."""
        self.max_size = max_size
        self._decoder = msgspec.json.Decoder(_Spoken)

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The `message` of the document, untouched."""
        return Message(encode(decode(self._decoder, payload, is_binary)))


class PythonEcho:
    """Any JSON document in, `Echo: ` and the document as Python prints it out.

    The standard library's reader is used because it names line and column. Bad JSON is answered
    with a text, as the people who type at this echo expect, and closes nothing.
    """

    newest_counts = False
    private = True
    is_json = False

    def __init__(self, max_size: int = 65536) -> None:
        """`max_size`: bytes of one message."""
        self.max_size = max_size

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The answer."""
        return Message(_answer(payload, is_binary).encode("utf-8", "backslashreplace"))


def _answer(payload: bytes, is_binary: bool) -> str:
    try:
        text = refuse_binary(payload, is_binary).decode()
        return f"Echo: {json.loads(text, parse_constant=_not_json, parse_float=_finite)}"
    except json.JSONDecodeError as error:
        return f"Error: not JSON at line {error.lineno} column {error.colno}: {error.msg}"
    except Rejected as error:
        return f"Error: {error.detail}"
    except (RecursionError, ValueError):
        return "Error: nested too deep, or a number with too many digits"


def _not_json(name: str) -> NoReturn:
    raise Rejected("malformed", f"{name} is not JSON")


def _finite(digits: str) -> Any:
    number = float(digits)
    if math.isinf(number):
        raise Rejected("malformed", f"the number {digits[:40]} is out of range")
    return number
