"""Where those are who have still to show a token."""

import pytest

from camrelay.core.errors import Rejected
from camrelay.core.kinds.waiting_room import WAITING_ROOM


def test_nothing_can_be_said_there() -> None:
    """The refusal says what to do, and is not held against the client."""
    with pytest.raises(Rejected) as caught:
        WAITING_ROOM.read(b"hello", False, "")
    assert (caught.value.reason, caught.value.is_garbage) == ("not-signed-in", False)
