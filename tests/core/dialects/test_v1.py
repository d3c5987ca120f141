"""camrelay.v1: the examples byte by byte, and what holds for everything that can be said."""

import json
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert

from camrelay.core.dialects.dialect import Authenticate, Publish
from camrelay.core.dialects.notices import Notice
from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.errors import Rejected
from camrelay.core.frames import text_frame
from camrelay.core.kinds.kind import Message
from camrelay.core.publication import Publication
from tests.support.vectors import KINDS, publication, read, vectors

JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@vectors("messages")
def test_a_publication_is_written_as_in_the_example(vector: dict[str, Any]) -> None:
    """Byte for byte, in one text message."""
    kind = KINDS[vector["kind"]]
    written = CAMRELAY_V1.publication(kind, publication(vector), vector["now"])
    assert written == text_frame(vector["frame"].encode())


@vectors("notices")
def test_a_notice_is_written_as_in_the_example(vector: dict[str, Any]) -> None:
    """Byte for byte, in one text message."""
    written = CAMRELAY_V1.notice(convert(vector["notice"], Notice))
    assert written == text_frame(vector["frame"].encode())


@vectors("commands")
def test_a_command_is_read_as_in_the_example(vector: dict[str, Any]) -> None:
    """A publish holds what a plain client would have sent."""
    command = CAMRELAY_V1.read(KINDS[vector["kind"]], vector["frame"].encode(), False)
    if "auth" in vector:
        assert command == Authenticate(vector["auth"]["token"])
        return
    said = vector["publish"]
    is_binary = "binary" in said
    payload = b64decode(said["binary"]) if is_binary else said["payload"].encode()
    assert command == Publish(payload, is_binary, said["id"])


@vectors("refused")
def test_what_is_no_command_is_refused_as_in_the_example(vector: dict[str, Any]) -> None:
    """With a reason that says what to change."""
    payload, is_binary = vector["frame"].encode(), vector.get("is_binary", False)
    with pytest.raises(Rejected) as caught:
        CAMRELAY_V1.read(KINDS[vector["kind"]], payload, is_binary)
    assert caught.value.reason == vector["refused"]
    assert caught.value.is_garbage


def test_every_notice_has_an_example() -> None:
    """A new one is not forgotten."""
    tags = {notice.__struct_config__.tag for notice in Notice.__args__}
    assert {vector["notice"]["type"] for vector in read("notices")} == tags


@given(st.text())
def test_any_text_comes_through(text: str) -> None:
    """Out and in again, whatever language, quotes or line breaks."""
    said = Publication("n1-7", None, 0.0, Message(text.encode()), b"", 1)
    frame = CAMRELAY_V1.publication(KINDS["text"], said, 0.0)
    assert _document(frame)["data"] == text
    sent = json.dumps({"type": "publish", "data": text}).encode()
    assert CAMRELAY_V1.read(KINDS["text"], sent, False) == Publish(text.encode())


@given(JSON_TEXT)
def test_any_json_comes_through(data: object) -> None:
    """The data of a kind that is JSON is neither changed nor understood."""
    body = json.dumps(data).encode()
    said = Publication("n1-7", None, 0.0, Message(body), b"", 1)
    frame = CAMRELAY_V1.publication(KINDS["chat"], said, 0.0)
    assert body in frame
    assert _document(frame)["data"] == data
    sent = b'{"type":"publish","data":%b}' % body
    assert CAMRELAY_V1.read(KINDS["chat"], sent, False) == Publish(body)


@given(st.binary())
def test_any_bytes_come_through(body: bytes) -> None:
    """As base64, out and in again."""
    said = Publication("n1-7", None, 0.0, Message(body, is_binary=True), b"", 1)
    frame = CAMRELAY_V1.publication(KINDS["raw-echo"], said, 0.0)
    sent = json.dumps({"type": "publish", "binary": _document(frame)["binary"]}).encode()
    assert CAMRELAY_V1.read(KINDS["raw-echo"], sent, False) == Publish(body, is_binary=True)


def test_a_kind_that_breaks_its_promise_breaks_no_frame() -> None:
    """A text that is no UTF-8 is mended: one frame goes to everybody, and must be JSON."""
    said = Publication("n1-7", None, 0.0, Message(b"a\xffb"), b"", 1)
    frame = CAMRELAY_V1.publication(KINDS["text"], said, 0.0)
    assert _document(frame)["data"] == "a\N{REPLACEMENT CHARACTER}b"


def test_nesting_without_end_is_refused() -> None:
    """Data is not understood here, but looked through."""
    with pytest.raises(Rejected) as caught:
        CAMRELAY_V1.read(KINDS["chat"], b'{"type":"publish","data":' + b"[" * 100_000, False)
    assert caught.value.reason == "malformed"


def _document(frame: bytes) -> dict[str, Any]:
    size = {126: 4, 127: 10}.get(frame[1], 2)
    found: dict[str, Any] = json.loads(frame[size:])
    return found
