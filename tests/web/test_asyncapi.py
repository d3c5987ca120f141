"""asyncapi.yaml: a valid document, and the frames that the server really writes and reads."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

from camrelay.net.pages import Pages
from tests.support.asyncapi import Document, fitting, validator
from tests.support.vectors import vectors

SCHEMA = Path(__file__).parents[1] / "vendor" / "asyncapi" / "3.0.0.json"
CHANNELS = {"chat": "chat", "pose": "camera", "text": "text", "raw-echo": "echo"}


@cache
def document() -> Document:
    """What the server answers at /api/asyncapi.yaml."""
    page = Pages.load().find(b"/api/asyncapi.yaml")
    assert page.content_type == b"application/yaml"
    loaded: Document = yaml.safe_load(page.body)
    return loaded


def test_the_document_is_valid() -> None:
    """The schema is the one that the AsyncAPI initiative publishes for 3.0.0."""
    Draft7Validator(json.loads(SCHEMA.read_bytes())).validate(document())


def test_the_examples_of_the_document_fit() -> None:
    """A reader of the document copies them."""
    examples = [
        (message, example["payload"])
        for message in document()["components"]["messages"].values()
        for example in message.get("examples", ())
    ]
    assert examples
    for message, payload in examples:
        validator(document(), message).validate(payload)


@vectors("messages", "notices")
def test_what_the_server_says_is_in_the_document(vector: dict[str, Any]) -> None:
    """Each frame fits exactly the message of its type, in the channel of its room."""
    channel = CHANNELS.get(vector.get("kind", "chat"))
    if channel is not None:  # the document leaves out some echoes
        frame = json.loads(vector["frame"])
        assert fitting(document(), frame, channel, "send") == [frame["type"]]


@vectors("commands")
def test_what_the_server_takes_is_in_the_document(vector: dict[str, Any]) -> None:
    """Each frame fits exactly the message of its type, unless only the kind refuses it."""
    frame = json.loads(vector["frame"])
    expected = [] if frame.get("data", "") is None else [frame["type"]]
    assert fitting(document(), frame, CHANNELS[vector["kind"]], "receive") == expected


@vectors("refused")
def test_what_the_server_refuses_is_not_in_the_document(vector: dict[str, Any]) -> None:
    """A client that is made from the document is never refused for its frames."""
    if vector["refused"] == "wrong-type":
        frame = json.loads(vector["frame"])
        assert fitting(document(), frame, CHANNELS[vector["kind"]], "receive") == []
