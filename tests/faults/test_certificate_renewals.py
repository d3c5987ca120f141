"""One hundred new certificates under two hundred clients."""

from pathlib import Path

import pytest

from tests.faults.table import Record, add_note
from tests.support.certificates import issue
from tests.support.renewals import Renewals, renew_under
from tests.support.server import start_relay

pytestmark = pytest.mark.faults

CLIENTS, ROUNDS = 200, 100
MIB = 1 << 20


def test_nobody_notices_a_hundred_renewals(tmp_path: Path, record_property: Record) -> None:
    """No connection and no message is lost, every newcomer sees the newest, nothing piles up."""
    file = issue(tmp_path / "relay.pem", "localhost")
    with start_relay(tmp_path, "--tls", "--certificate", str(file)) as server:
        renew_under(server, file, CLIENTS, 1)  # what is allocated once
        renew_under(server, file, 10, ROUNDS)
        before = server.memory
        result = renew_under(server, file, CLIENTS, ROUNDS)
        grown = (server.memory - before) / MIB
    assert result == Renewals(ROUNDS, CLIENTS, ROUNDS * CLIENTS, ROUNDS)
    assert grown < 8
    add_note(
        record_property,
        f"{ROUNDS} certificates under {CLIENTS} clients: no connection dropped, "
        f"{result.heard} of {ROUNDS * CLIENTS} messages heard, "
        f"{result.newest_shown} of {ROUNDS} newcomers saw the newest, memory {grown:+.1f} MiB",
    )
