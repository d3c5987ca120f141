"""The examples in tests/vectors, and the kinds that they name."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.echo import JsonEcho, RawEcho
from camrelay.core.kinds.kind import Kind, Message
from camrelay.core.kinds.pose import Pose
from camrelay.core.kinds.text import Text
from camrelay.core.publication import Publication

V1 = Path(__file__).parents[1] / "vectors" / "v1"
KINDS: dict[str, Kind] = {
    "chat": Chat(),
    "json-echo": JsonEcho(),
    "pose": Pose(),
    "raw-echo": RawEcho(),
    "text": Text(),
}


def vectors(*names: str) -> pytest.MarkDecorator:
    """Runs a test for each `vector` of the files `names`, without their ending."""
    found = [vector for name in names for vector in read(name)]
    return pytest.mark.parametrize("vector", found, ids=[vector["name"] for vector in found])


def read(name: str) -> list[dict[str, Any]]:
    """The examples of one file."""
    found: list[dict[str, Any]] = json.loads((V1 / f"{name}.json").read_bytes())
    return found


def publication(vector: dict[str, Any]) -> Publication:
    """What the frame of `vector` is made from."""
    given = dict(vector["publication"])
    is_binary = "binary" in given
    body = b64decode(given.pop("binary")) if is_binary else given.pop("body").encode()
    return Publication(
        **given, slot=None, message=Message(body, is_binary=is_binary), frame=b"of another dialect"
    )
