"""Strict JSON (RFC 8259) for kinds: no NaN, no Infinity, no number out of range, no surprises."""

import re
from typing import TypeVar

import msgspec

from camrelay.core.errors import Rejected
from camrelay.core.kinds.kind import refuse_binary

_Shape = TypeVar("_Shape")
_LONGEST = 200
_AT_BYTE = re.compile(r" ?\(byte (\d+)\)")

encode = msgspec.json.Encoder().encode


def decode(decoder: msgspec.json.Decoder[_Shape], payload: bytes, is_binary: bool) -> _Shape:
    """`payload` as the shape of `decoder`.

    Raises Rejected: binary, blank, malformed (not JSON) or wrong-type (JSON of another shape).
    """
    if is_binary:
        refuse_binary(payload, is_binary)
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Rejected("wrong-type", _said_plainly(error)) from None
    except msgspec.DecodeError as error:
        refuse_binary(payload, is_binary)
        raise Rejected("malformed", _located(error, payload)) from None
    except RecursionError:
        raise Rejected("malformed", "nested too deep") from None


def _said_plainly(error: Exception) -> str:
    said = str(error)[:_LONGEST]  # it may quote a field name as long as the whole message
    return said.replace("`", "").replace("$.", "").replace(" - at ", " at ")


def _located(error: Exception, payload: bytes) -> str:
    """The message of `error` with line and column in place of a byte offset."""
    said = str(error)
    found = _AT_BYTE.search(said)
    offset = int(found[1]) if found else len(payload)
    before = payload[:offset].decode("utf-8", "replace")
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return f"line {line} column {column}: {_AT_BYTE.sub('', said)}"
