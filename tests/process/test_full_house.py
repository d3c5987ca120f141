"""A server that is full stays within its limit, however many more come."""

from contextlib import ExitStack, suppress

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
            # It may be cut before it knows that it was connected.
            with suppress(ConnectionResetError), Wire(server.port) as late:
                late.read_end()


def test_there_is_room_for_all_connections_from_the_start(relay_with: StartRelay) -> None:
    """The kernel's table of open files is large enough before the first of them comes."""
    server = relay_with("--max-connections", "1500")
    assert server.room_for_files >= 1500
