"""The documents for programs, in both languages."""

import pytest

from camrelay.net.pages import Pages
from tests.support.documents import NAMES, as_json


@pytest.mark.parametrize("name", NAMES)
def test_a_document_in_json_says_the_same_as_in_yaml(name: str) -> None:
    """Where it does not, `make documents` was forgotten."""
    pages = Pages.load()
    page = pages.find(f"/api/{name}.json".encode())
    assert page.content_type == b"application/json"
    assert page.body == as_json(pages.find(f"/api/{name}.yaml".encode()).body)
