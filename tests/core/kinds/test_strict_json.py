"""Strict JSON (RFC 8259): what is refused, under which reason, and where the mistake is."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Rejected
from camrelay.core.kinds.strict_json import decode, encode


class Point(msgspec.Struct):
    """A shape to read."""

    x: float
    name: str | None = None


POINT = msgspec.json.Decoder(Point)
ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def refusal(payload: bytes, decoder: msgspec.json.Decoder[Any] = POINT) -> Rejected:
    """How `payload` is refused as text."""
    with pytest.raises(Rejected) as caught:
        decode(decoder, payload, False)
    return caught.value


@given(DOCUMENTS)
def test_what_python_writes_is_read(document: Any) -> None:
    """Every JSON document comes through, and what is written again is JSON for Python."""
    read = decode(ANYTHING, json.dumps(document).encode(), False)
    assert read == document
    assert json.loads(encode(read)) == document


@given(st.text('{}[]":,.-+eE0123456789truefalsn \\u', max_size=40) | st.text(max_size=40))
def test_what_is_read_is_json(text: str) -> None:
    """Nothing is read that Python does not read in the same way."""
    try:
        document = decode(ANYTHING, text.encode(), False)
    except Rejected:
        return
    assert json.loads(text) == document


@pytest.mark.parametrize(
    ("payload", "line", "column"),
    [
        (b"hello", 1, 1),
        (b"{", 1, 2),
        (b'{"x"=1}', 1, 5),
        (b'{"x":NaN}', 1, 6),
        (b'{"x":Infinity}', 1, 6),
        (b'{"x":-Infinity}', 1, 7),
        (b'{"x":+1}', 1, 6),
        (b'{"x":01}', 1, 7),
        (b'{"x":1.}', 1, 8),
        (b'{"x":1,}', 1, 8),
        (b"{'x':1}", 1, 2),
        (b'\xef\xbb\xbf{"x":1}', 1, 1),
        (b'{\n "x":1,\n "name":oops}', 3, 9),
        ('{"é":1,"x":ö}'.encode(), 1, 12),
    ],
)
def test_the_place_of_a_mistake_is_told(payload: bytes, line: int, column: int) -> None:
    """Line and column as an editor counts them, not the offset of a byte."""
    refused = refusal(payload)
    assert refused.reason == "malformed"
    assert refused.detail.startswith(f"line {line} column {column}: ")
    assert "byte" not in refused.detail


@pytest.mark.parametrize("more", [b'{"x":2}', b"]", b",", b"x"])
def test_one_message_is_one_document(more: bytes) -> None:
    """Whatever follows a document makes the whole message malformed."""
    assert refusal(b'{"x":1} ' + more).reason == "malformed"


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (b"[1]", "Expected object, got array"),
        (b"42", "Expected object, got int"),
        (b"null", "Expected object, got null"),
        (b"{}", "Object missing required field x"),
        (b'{"x":"1"}', "Expected float, got str at x"),
        (b'{"x":true}', "Expected float, got bool at x"),
        (b'{"x":null}', "Expected float, got null at x"),
        (b'{"x":1e400}', "Number out of range at x"),
        (b'{"x":-1e400}', "Number out of range at x"),
        (b'{"x":' + b"1" * 5000 + b"}", "Number out of range at x"),
        (b'{"x":1,"name":2}', "Expected str | null, got int at name"),
    ],
)
def test_json_of_another_shape_is_told_what_is_wanted(payload: bytes, detail: str) -> None:
    """Without the marks that the library puts around everything."""
    refused = refusal(payload)
    assert (refused.reason, refused.detail) == ("wrong-type", detail)


@pytest.mark.parametrize("payload", [b"", b" ", b"\r\n\t "])
def test_blank_is_its_own_reason(payload: bytes) -> None:
    """A sender that says nothing has another problem than one that writes bad JSON."""
    assert refusal(payload).reason == "blank"


@pytest.mark.parametrize("payload", [b"", b'{"x":1}'])
def test_binary_is_its_own_reason(payload: bytes) -> None:
    """Good JSON in a binary message is not read."""
    with pytest.raises(Rejected) as caught:
        decode(POINT, payload, True)
    assert caught.value.reason == "binary"


@pytest.mark.parametrize("start", [b"[", b'{"a":', b'{"x":1,"more":['])
def test_nesting_without_end_is_malformed(start: bytes) -> None:
    """What would overflow the stack of a reader ends in a refusal like any other."""
    refused = refusal(start * 100_000, ANYTHING)
    assert (refused.reason, refused.detail) == ("malformed", "nested too deep")
