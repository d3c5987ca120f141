"""What can go wrong with a peer, and how it is told."""

import pytest

from camrelay.core import errors
from camrelay.core.errors import CloseReason, Denied, PeerError, Rejected, StartError, going_away

REASONS = [reason for reason in vars(errors).values() if isinstance(reason, CloseReason)]
REASONS.append(going_away(10_000))
# WebSocketSharp throws on 1012-2999, Mono's ClientWebSocket and OkHttp 3.x on other reserved ones.
CODES_FOR_OLD_CLIENTS = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, *range(4000, 5000)}


def test_a_denied_handshake_has_a_status_and_a_text() -> None:
    """The text is what the person in front of the client sees, and what the log says."""
    denied = Denied(404, "no room at this path")
    assert denied.status == 404
    assert denied.text == str(denied) == "no room at this path"
    assert isinstance(denied, PeerError)


def test_a_rejected_message_has_a_reason_and_a_detail() -> None:
    """One is counted under, the other tells the sender what to change."""
    rejected = Rejected("blank", "the message is empty")
    assert (rejected.reason, rejected.detail) == ("blank", "the message is empty")
    assert str(rejected) == "blank: the message is empty"
    assert isinstance(rejected, PeerError)


def test_a_wrong_setting_is_told_in_one_line() -> None:
    """Option, value and remedy, whatever the value holds."""
    error = StartError("--port", "80\n00", "is not allowed: a whole number")
    assert str(error) == r"--port: '80\n00' is not allowed: a whole number"
    assert error.option == "--port"


def test_who_is_sent_away_is_told_when_to_come_back() -> None:
    """In whole milliseconds, where a program finds them."""
    assert going_away(1.2345).text == "the server is going away: come back in 1234 ms"


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: str(reason.code))
def test_every_close_reason_reaches_every_client(reason: CloseReason) -> None:
    """The code is one that old clients accept, and the text fits a close frame (RFC 6455, 5.5)."""
    assert reason.code in CODES_FOR_OLD_CLIENTS
    assert len(reason.text.encode()) <= 123


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: str(reason.code))
def test_a_code_tells_whether_a_client_may_return(reason: CloseReason) -> None:
    """4000-4099 says come back, 4100-4199 says do not; the standard codes we send say come back."""
    assert reason.may_return == (reason.code < 4100)


def test_every_code_has_one_reason() -> None:
    """A client can tell the reasons apart by their codes."""
    assert len({reason.code for reason in REASONS}) == len(REASONS) > 0
