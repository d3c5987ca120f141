"""A real server is asked all that openapi.yaml allows, and more, and answers as it says there."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from schemathesis import Case
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

import camrelay
from tests.support.server import Server, start_relay
from tests.support.tokens import key, key_set, token, write_secret
from tests.support.wire import SECONDS_TO_WAIT, Wire

DOCUMENT = Path(camrelay.__file__).parent / "web" / "openapi.yaml"
ROUTES = """
[[routes]]
path = "/ws/board"
kind = "chat"
access = "token"
"""
ROOMS = ("/ws/chat/lobby", "/ws/camera/lobby", "/ws/text/lobby", "/ws/board", "/echo")
OWN = key("own", "HS256")
EVERYTHING = {
    "subscribe": ["/**"],
    "publish": ["/**"],
    "send": ["*"],
    "receive": ["*"],
}
CONFIG = {
    "seed": 1,
    "generation": {"mode": "all", "max-examples": 30, "database": "none"},
}
# A channel or a name may have a rule that a schema cannot say.
NOT_CHECKED = [positive_data_acceptance]

load_all_checks()
schema = schemathesis.openapi.from_path(DOCUMENT, config=SchemathesisConfig.from_dict(CONFIG))
numbers = count()


@schema.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Every other room is one of those that are there."""
    query = query or {}
    room = query.get("room")
    if not isinstance(room, str) or not room.startswith("/") or len(room) % 2:
        return query
    query.pop("user", None)
    return query | {"room": ROOMS[sum(room.encode()) % len(ROOMS)]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose tokens we can sign, with somebody in each room."""
    folder = tmp_path_factory.mktemp("relay")
    (folder / "camrelay.toml").write_text(ROUTES, "utf-8")
    (folder / "data").mkdir(mode=0o700)
    write_secret(folder / "data" / "keys.json", key_set(OWN))
    with start_relay(folder) as server, Wire(server.port) as member:
        member.upgrade("/ws/chat/lobby")
        yield server


def somebody() -> dict[str, str]:
    """Somebody new who may do everything, and has not asked too much yet."""
    text = token(OWN, sub=f"user-{next(numbers)}", camrelay=EVERYTHING)
    return {"Authorization": f"Bearer {text}"}


def base(server: Server) -> str:
    """Where it is."""
    return f"http://localhost:{server.port}"


@schema.exclude(path_regex="/(events|receive)$").parametrize()
def test_answers_are_as_the_document_says(case: Case, server: Server) -> None:
    """Status, headers, content type and body of each; what is wrong is refused; no 5xx."""
    case.call_and_validate(base(server), headers=somebody(), excluded_checks=NOT_CHECKED)


@schema.include(path_regex="/receive$").parametrize()
def test_a_channel_answers_as_the_document_says(case: Case, server: Server) -> None:
    """There is a message in each channel that can be one, so that nobody has to wait."""
    sent = case.operation.schema["/api/channels/{channel}"]["POST"].Case(
        path_parameters=case.path_parameters
    )
    sent.call(base(server), headers=somebody())
    case.call_and_validate(base(server), headers=somebody(), excluded_checks=NOT_CHECKED)


@schema.include(path="/api/events").parametrize()
def test_a_stream_begins_as_the_document_says(case: Case, server: Server) -> None:
    """A stream would not end: its head is asked for, and a refusal is looked at closely."""
    headers = somebody()
    wanted = case.as_transport_kwargs(base_url=base(server), headers=headers)
    head = requests.request(**{**wanted, "method": "HEAD", "timeout": SECONDS_TO_WAIT})
    if head.status_code == 200:
        case.validate_response(head, headers=headers, excluded_checks=NOT_CHECKED)
    else:
        case.call_and_validate(base(server), headers=headers, excluded_checks=NOT_CHECKED)
