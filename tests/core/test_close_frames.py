"""Which close frames a peer may send."""

import pytest

from camrelay.core.close_frames import close_frame_failure


@pytest.mark.parametrize("code", [None, 1000, 1003, 1007, 1014, 3000, 4999])
def test_a_valid_code_is_no_failure(code: int | None) -> None:
    """Registered codes, those for libraries and applications, and none at all."""
    assert close_frame_failure(code, None) is None


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535])
def test_a_code_that_must_not_be_sent_is_a_protocol_error(code: int) -> None:
    """Reserved codes, and those outside the ranges."""
    failure = close_frame_failure(code, b"")
    assert failure is not None
    assert failure[0] == 1002


def test_a_reason_that_is_no_text_is_an_invalid_payload() -> None:
    """Reasons are UTF-8."""
    assert close_frame_failure(1000, "gr\u00fc\u00dfe".encode()) is None
    failure = close_frame_failure(1000, b"\xff")
    assert failure is not None
    assert failure[0] == 1007
