"""A certificate that is renewed again and again, under clients that talk all the time."""

import json
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.support.certificates import AUTHORITY, issue, serial_in, serial_shown
from tests.support.frames import TEXT, Frame, frame
from tests.support.server import Server
from tests.support.wire import Wire

ROOM = "/ws/chat/hall"


class Renewals(NamedTuple):
    """What came of it: in a round one member says something while the certificate changes."""

    rounds: int
    clients: int
    heard: int
    newest_shown: int


def renew_under(server: Server, file: Path, clients: int, rounds: int) -> Renewals:
    """Renew what is in `file`, which `server` shows, and count who notices.

    A member that loses its connection, or a word, fails.
    """
    trust = file.with_name("authority.crt")
    AUTHORITY.cert_pem.write_to_path(str(trust))
    heard = newest_shown = 0
    with ExitStack() as stack:
        members = [stack.enter_context(Wire(server.port, authority=trust)) for _ in range(clients)]
        for member in members:
            member.upgrade(ROOM)
        for number in range(rounds):
            word = json.dumps({"message": f"word {number}"}, separators=(",", ":")).encode()
            issue(file, "localhost")
            start = len(server.log)
            server.send_signal(signal.SIGHUP)
            members[number % clients].send(frame(TEXT, word))
            heard += sum(member.read_message() == Frame(TEXT, word) for member in members)
            server.wait_for_log("certificates read again: 1 in use", start=start)
            newest_shown += serial_shown(server.port) == serial_in(file)
    return Renewals(rounds, clients, heard, newest_shown)
