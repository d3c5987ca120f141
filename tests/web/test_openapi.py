"""openapi.yaml: a valid document, and the calls that the server really answers."""

import http.client
import json
import re
from functools import cache
from typing import Any

import yaml
from openapi_spec_validator import validate

from camrelay.net.pages import Pages
from tests.support.server import Server

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@cache
def document() -> dict[str, Any]:
    """What the server answers at /api/openapi.yaml."""
    page = Pages.load().find(b"/api/openapi.yaml")
    assert page.content_type == b"application/yaml"
    loaded: dict[str, Any] = yaml.safe_load(page.body)
    return loaded


def ask(server: Server, method: str, path: str) -> http.client.HTTPResponse:
    """An answer, read to its end."""
    connection = http.client.HTTPConnection("localhost", server.port, timeout=10)
    connection.request(method, path)
    return connection.getresponse()


def test_the_document_is_valid() -> None:
    """By the schema of OpenAPI 3.1, examples included."""
    validate(document())


def test_the_document_is_served(relay: Server) -> None:
    """Beside the calls that it describes."""
    answer = ask(relay, "GET", "/api/openapi.yaml")
    assert yaml.safe_load(answer.read()) == document()


def test_the_document_names_all_calls_and_no_others(relay: Server) -> None:
    """The server names its paths to whoever asks for another, and the methods of each path."""
    text = json.loads(ask(relay, "GET", "/api/nowhere").read())["error"]["detail"]
    served = {path: methods(relay, path) for path in re.findall(r"/api/[a-z/{}]+", text)}
    described = {
        path: {name.upper() for name in METHODS & calls.keys()}
        for path, calls in document()["paths"].items()
    }
    assert served == described


def methods(server: Server, path: str) -> set[str]:
    """What can be done at a path, besides asking for that, and for heads."""
    allowed = ask(server, "OPTIONS", path.replace("{channel}", "jobs")).getheader("Allow")
    assert allowed is not None
    return set(allowed.split(", ")) - {"HEAD", "OPTIONS"}
