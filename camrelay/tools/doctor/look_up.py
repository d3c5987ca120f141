"""DNS and TCP: the addresses of a name, and connections to them."""

import socket
import time
from typing import Any

from camrelay.tools.doctor.facts import Dialed

SocketAddress = tuple[Any, ...]


def look_up(host: str, port: int) -> list[SocketAddress]:
    """All addresses, as `dial` takes them, in the order of the system. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(entry[4] for entry in found))


def dial(address: SocketAddress, timeout: float) -> socket.socket:
    """A connection on which every wait ends after `timeout` seconds. Raises OSError."""
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    dialed = socket.socket(family, socket.SOCK_STREAM)
    dialed.settimeout(timeout)
    try:
        dialed.connect(address)
    except BaseException:
        dialed.close()
        raise
    return dialed


def try_to_dial(address: SocketAddress, timeout: float) -> Dialed:
    """Connect, see how long it takes, and hang up."""
    shown = f"[{address[0]}]:{address[1]}" if len(address) == 4 else f"{address[0]}:{address[1]}"
    began = time.perf_counter()
    try:
        dial(address, timeout).close()
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        return Dialed(shown, error=reason)
    return Dialed(shown, (time.perf_counter() - began) * 1000)
