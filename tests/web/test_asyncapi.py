"""asyncapi.yaml: a valid document, and the frames that the server really writes and reads."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

from camrelay.net.pages import Pages
from tests.support.vectors import vectors

SCHEMA = Path(__file__).parents[1] / "vendor" / "asyncapi" / "3.0.0.json"
CHANNELS = {"chat": "chat", "pose": "camera", "text": "text", "raw-echo": "echo"}


@cache
def document() -> dict[str, Any]:
    """What the server answers at /api/asyncapi.yaml."""
    page = Pages.load().find(b"/api/asyncapi.yaml")
    assert page.content_type == b"application/yaml"
    loaded: dict[str, Any] = yaml.safe_load(page.body)
    return loaded


def resolved(reference: dict[str, str]) -> dict[str, Any]:
    """What a reference inside the document points to."""
    found: Any = document()
    for step in reference["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found if "$ref" not in found else resolved(found)


def messages(channel: str, action: str) -> list[dict[str, Any]]:
    """The messages that the server sends to or receives from a channel."""
    (operation,) = (
        operation
        for operation in document()["operations"].values()
        if operation["action"] == action
        and operation["channel"] == {"$ref": f"#/channels/{channel}"}
    )
    return [resolved(message) for message in operation["messages"]]


def validator(message: dict[str, Any]) -> Draft7Validator:
    """What tells whether a frame fits `message`; its references are found in the document."""
    components = document()["components"]
    return Draft7Validator({"allOf": [message["payload"]], "components": components})


def fitting(frame: object, channel: str, action: str) -> list[str]:
    """The names of the messages whose schema `frame` fits."""
    said = messages(channel, action)
    return [message["name"] for message in said if validator(message).is_valid(frame)]


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
        validator(message).validate(payload)


@vectors("messages", "notices")
def test_what_the_server_says_is_in_the_document(vector: dict[str, Any]) -> None:
    """Each frame fits exactly the message of its type, in the channel of its room."""
    channel = CHANNELS.get(vector.get("kind", "chat"))
    if channel is not None:  # the document leaves out some echoes
        frame = json.loads(vector["frame"])
        assert fitting(frame, channel, "send") == [frame["type"]]


@vectors("commands")
def test_what_the_server_takes_is_in_the_document(vector: dict[str, Any]) -> None:
    """Each frame fits exactly the message of its type, unless only the kind refuses it."""
    frame = json.loads(vector["frame"])
    expected = [] if frame.get("data", "") is None else [frame["type"]]
    assert fitting(frame, CHANNELS[vector["kind"]], "receive") == expected


@vectors("refused")
def test_what_the_server_refuses_is_not_in_the_document(vector: dict[str, Any]) -> None:
    """A client that is made from the document is never refused for its frames."""
    if vector["refused"] == "wrong-type":
        frame = json.loads(vector["frame"])
        assert fitting(frame, CHANNELS[vector["kind"]], "receive") == []
