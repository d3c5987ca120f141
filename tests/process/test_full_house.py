"""A server that is full stays within its limit, however many more come."""

from contextlib import ExitStack

from camrelay.core.doorman import COURTESY
from tests.conftest import StartRelay
from tests.support.wire import Wire


def test_those_who_are_cut_without_a_word_make_no_room(relay_with: StartRelay) -> None:
    """They were never counted, so their end frees no place: each of them is cut like the first."""
    server = relay_with("--max-connections", "1", "--connections-per-address", "0")
    with ExitStack() as crowd:
        for _ in range(1 + COURTESY):
            crowd.enter_context(Wire(server.port))
        for _ in range(5):
            with Wire(server.port) as late:
                late.read_end()
