"""What a query may say."""

import pytest

from camrelay.core.errors import Denied
from camrelay.core.history import Position
from camrelay.core.parameters import position, whole_number


def test_a_whole_number_is_read() -> None:
    """From nothing to the most that is allowed; what is missing or empty is none."""
    query = {"a": "0", "b": "10", "c": ""}
    assert [whole_number(query, name, 10) for name in "abcd"] == [0, 10, None, None]


@pytest.mark.parametrize("text", ["11", "-1", "1.0", "1e1", "+1", " 1", "¹", "٣", "1" * 5000])
def test_what_is_no_such_number_is_denied(text: str) -> None:
    """With the parameter in the text, and not all of what was sent."""
    with pytest.raises(Denied, match=r"^n=.{1,30} is not a whole number up to 10$") as caught:
        whole_number({"n": text}, "n", 10)
    assert caught.value.status == 400


def test_a_place_has_an_epoch_and_an_offset() -> None:
    """Both, or none."""
    assert position({"epoch": "5f0c", "after": "7"}, "after") == Position("5f0c", 7)
    assert position({"epoch": "", "offset": "7"}, "after") is None


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"epoch": "5f0c"}, "epoch and after belong together"),
        ({"after": "7"}, "epoch and after belong together"),
        ({"epoch": "5f0c", "after": str(10**18)}, "not a whole number"),
        ({"epoch": "x" * 65, "after": "7"}, "too long"),
    ],
)
def test_what_is_no_place_is_denied(query: dict[str, str], text: str) -> None:
    """With what to do."""
    with pytest.raises(Denied, match=text) as caught:
        position(query, "after")
    assert caught.value.status == 400
