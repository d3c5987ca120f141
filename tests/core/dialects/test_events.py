"""Server-sent events: the examples byte by byte, and what a browser makes of them."""

import json
from typing import Any

import pytest
from msgspec import convert

from camrelay.core.dialects.events import EVENTS, farewell, greeting
from camrelay.core.dialects.notices import Notice
from camrelay.core.errors import SLOW_CONSUMER, Rejected, going_away
from tests.support.vectors import KINDS, publication, vectors


@vectors("messages")
def test_a_publication_is_written_as_in_the_example(vector: dict[str, Any]) -> None:
    """Byte for byte."""
    kind = KINDS[vector["kind"]]
    written = EVENTS.publication(kind, publication(vector), vector["now"])
    assert written == vector["event"].encode()


@vectors("notices")
def test_a_notice_is_written_as_in_the_example(vector: dict[str, Any]) -> None:
    """Byte for byte."""
    written = EVENTS.notice(convert(vector["notice"], Notice))
    assert written == vector["event"].encode()


@vectors("messages", "notices")
def test_a_browser_reads_what_a_websocket_would_have_got(vector: dict[str, Any]) -> None:
    """One event, read as WHATWG HTML 9.2.6 says, holds the object of the frame."""
    event = _dispatched(vector["event"])
    frame = json.loads(vector["frame"])
    assert json.loads(event["data"]) == frame
    assert event["event"] == {"error": "problem"}.get(frame["type"], frame["type"])


@vectors("messages", "notices")
def test_the_id_is_the_place_to_resume_at(vector: dict[str, Any]) -> None:
    """What says where things go on has an id; everything else leaves the last one as it was."""
    made_from = vector.get("publication") or vector["notice"]
    epoch, offset = made_from.get("epoch"), made_from.get("offset")
    has_place = epoch and made_from.get("type") != "ack"
    assert _dispatched(vector["event"]).get("id") == (f"{epoch}:{offset}" if has_place else None)


def test_nothing_comes_in_on_a_stream() -> None:
    """A stream has one direction."""
    with pytest.raises(Rejected):
        EVENTS.read(KINDS["chat"], b"{}", False)


def test_a_stream_begins_with_the_time_to_come_back_after() -> None:
    """In milliseconds, for a browser that loses it."""
    assert greeting() == b"retry: 2000\n\n"


def test_a_stream_ends_with_the_reason() -> None:
    """As a socket's close frame has it, and whether it may come back."""
    event = _dispatched(farewell(SLOW_CONSUMER).decode())
    assert (event["event"], "retry" in event) == ("close", False)
    said = {"code": 4000, "text": SLOW_CONSUMER.text, "may_return": True}
    assert json.loads(event["data"]) == said


def test_a_browser_comes_back_when_the_server_says_so() -> None:
    """A server that goes away names a time to each; browsers obey the field."""
    event = _dispatched(farewell(going_away(6.48)).decode())
    assert event["retry"] == "6480"
    assert json.loads(event["data"])["code"] == 1001


def _dispatched(stream: str) -> dict[str, str]:
    """The fields of the only event in `stream`."""
    text, separator, rest = stream.replace("\r\n", "\n").replace("\r", "\n").partition("\n\n")
    assert (separator, rest) == ("\n\n", "")
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        fields[name] = f"{fields[name]}\n{value}" if name in fields else value
    return fields
