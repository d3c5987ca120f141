"""The AsyncAPI document of the server, and which of its messages a frame fits."""

from typing import Any

from jsonschema import Draft7Validator

Document = dict[str, Any]


def messages(document: Document, channel: str, action: str) -> list[Document]:
    """The messages that the server sends to or receives from a channel ("send", "receive")."""
    (operation,) = (
        operation
        for operation in document["operations"].values()
        if operation["action"] == action
        and operation["channel"] == {"$ref": f"#/channels/{channel}"}
    )
    return [_resolved(document, message) for message in operation["messages"]]


def _resolved(document: Document, reference: dict[str, str]) -> Document:
    found: Any = document
    for step in reference["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found if "$ref" not in found else _resolved(document, found)


def validator(document: Document, message: Document) -> Draft7Validator:
    """What tells whether a frame fits `message`; its references are found in the document."""
    components = document["components"]
    return Draft7Validator({"allOf": [message["payload"]], "components": components})


def fitting(document: Document, frame: object, channel: str, action: str) -> list[str]:
    """The names of the messages of a channel whose schema `frame` fits."""
    said = messages(document, channel, action)
    return [each["name"] for each in said if validator(document, each).is_valid(frame)]
