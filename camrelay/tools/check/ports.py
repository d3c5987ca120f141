"""Whether the server could listen where it is told to.

Twisted's endpoints are asked to listen on something that looks like a reactor, and that only tries
whether the socket could be bound. So every kind of endpoint is understood as the server
understands it, and nobody can connect while the answer is found.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from camrelay.config import Settings, admin_endpoint
from camrelay.core.errors import StartError
from camrelay.core.proxies import TrustedProxies
from camrelay.net.admin import admin_listener
from camrelay.net.listen import Listener, from_string
from camrelay.tools.findings import Finding, not_startable, ok, problem
from camrelay.wiring.listening import make_listeners

SUBJECT = "listen"
_REMEDIES = {
    errno.EADDRINUSE: "stop what listens there, or choose another one "
    "(if it is the running camrelay, add --running)",
    errno.EACCES: "only root may: let systemd open it (camrelay.socket), or choose another one",
    errno.EADDRNOTAVAIL: "no network card of this machine has the address: correct it",
}


def admin_of(settings: Settings) -> tuple[list[Listener], list[Finding]]:
    """Where it would answer the operator, or what is wrong with that."""
    endpoint = admin_endpoint(settings)
    try:
        reactor = _Probe()
        return [admin_listener(reactor, endpoint, settings.admin_anywhere)] if endpoint else [], []
    except StartError as error:
        return [], [not_startable(SUBJECT, error)]


def listeners_of(settings: Settings) -> tuple[list[Listener], list[Finding]]:
    """Where it would listen, or what keeps that from being read."""
    probe = _Probe()
    try:
        return make_listeners(settings, probe), []
    except StartError as error:
        return [], list(_unreadable(settings, probe)) or [not_startable(SUBJECT, error)]


def _unreadable(settings: Settings, probe: "_Probe") -> Iterator[Finding]:
    for text in settings.listen:
        try:
            from_string(probe, text)
        except StartError as error:
            yield not_startable(SUBJECT, error)


def look_at_proxies(settings: Settings) -> Iterator[Finding]:
    """Which of the proxies to be believed cannot be read."""
    for text in settings.trusted_proxy:
        try:
            TrustedProxies([text])
        except StartError as error:
            yield not_startable(SUBJECT, error)


def try_to_listen(listener: Listener, running: bool) -> Finding:
    """The finding for one listener; `running`: it is no surprise when the port is taken."""
    failures: list[Failure] = []
    listener.endpoint.listen(Factory()).addErrback(failures.append)
    if not failures:
        return ok(SUBJECT, f"{listener.name} is free")
    error = failures[0].value
    if isinstance(error, AttributeError):  # a kind of socket that is no business of ours
        return ok(SUBJECT, f"{listener.name} cannot be tried before the start")
    number = error.errno if isinstance(error, OSError) else None
    if running and number == errno.EADDRINUSE:
        return ok(SUBJECT, f"{listener.name} is taken, by the running server")
    reason = os.strerror(number) if number else str(error)
    remedy = _REMEDIES.get(number or 0, "choose another one")
    return problem(SUBJECT, f"{listener.name} cannot be listened on ({reason})", remedy)


class _Probe:
    """As much of a reactor as endpoints need to listen."""

    def listenTCP(self, port: int, _factory: Any, backlog: int = 50, interface: str = "") -> None:
        """Raises OSError when the port cannot be had."""
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((interface, port))

    def listenSSL(
        self, port: int, factory: Any, _context: Any, backlog: int = 50, interface: str = ""
    ) -> None:
        """The same: TLS comes later."""
        self.listenTCP(port, factory, backlog, interface)

    def listenUNIX(self, address: str, _factory: Any, **_settings: Any) -> None:
        """Raises OSError when somebody answers at the socket, or none can be made there."""
        path = Path(address)
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            _refuse_if_answered(path)
        elif path.exists():
            _refuse(errno.EEXIST)
        elif not os.access(path.parent, os.W_OK | os.X_OK):
            _refuse(errno.EACCES if path.parent.is_dir() else errno.ENOENT)


def _refuse_if_answered(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as tried:
        if tried.connect_ex(str(path)) == 0:
            _refuse(errno.EADDRINUSE)


def _refuse(number: int) -> NoReturn:
    raise OSError(number, os.strerror(number))
