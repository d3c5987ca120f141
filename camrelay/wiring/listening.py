"""Where a node listens, what it serves there, and how it announces that in the log."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from camrelay.config import Settings
from camrelay.core.errors import StartError
from camrelay.core.proxies import TrustedProxies
from camrelay.net.addresses import origins_to_open
from camrelay.net.door import DoorFactory
from camrelay.net.http import Record
from camrelay.net.listen import Listener, ListeningService, from_port, from_string
from camrelay.net.proxies import ProxiedFactory
from camrelay.net.to_tls import DoorToTlsFactory
from camrelay.ops.journal import LogJournal


def make_listeners(settings: Settings, reactor: Any) -> list[Listener]:
    """`--listen` as often as it was given, and `--port` unless only `--listen` was."""
    listeners = [from_string(reactor, text) for text in settings.listen]
    if settings.port is not None or settings.tls or not listeners:
        default = 8443 if settings.tls else 8080
        port = default if settings.port is None else settings.port
        listeners.append(from_port(reactor, port, settings.tls))
    for listener in listeners:
        if listener.redirects and not any(each.secure for each in listeners):
            remedy = "has no TLS listener to redirect to: add --tls, or --listen tls+tcp:8443"
            raise StartError("--listen", listener.name, remedy)
        if listener.proxied and not settings.trusted_proxy:
            remedy = "needs a trusted proxy: add --trusted-proxy NETWORK"
            raise StartError("--listen", listener.name, remedy)
    return listeners


Announce = Callable[[LogJournal, IListeningPort, bool], None]


def announcement_of(listener: Listener) -> Announce:
    """How to say where `listener` can be reached."""
    if listener.proxied:
        return announce_proxied
    return announce_redirect if listener.redirects else announce


def announce(journal: LogJournal, port: IListeningPort, secure: bool) -> None:
    """Say where the port can be reached."""
    host: Any = port.getHost()
    if isinstance(host, UNIXAddress):
        journal.listening(_url(host))
        return
    for origin in origins_to_open(host.port, secure, host.host):
        journal.listening(origin)


def announce_redirect(journal: LogJournal, port: IListeningPort, _secure: bool) -> None:
    """Say where people are told to use TLS."""
    host: Any = port.getHost()
    if isinstance(host, UNIXAddress):
        journal.redirecting(_url(host))
    else:
        journal.redirecting(origins_to_open(host.port, False, host.host)[0])


def announce_proxied(journal: LogJournal, port: IListeningPort, secure: bool) -> None:
    """Say where proxies are expected: nobody else can open it."""
    host: Any = port.getHost()
    if isinstance(host, UNIXAddress):
        journal.expects_proxies(_url(host))
    else:
        journal.expects_proxies(origins_to_open(host.port, secure, host.host)[0])


def announce_admin(journal: LogJournal, port: IListeningPort, _secure: bool) -> None:
    """Say where operators are answered."""
    journal.answers_operators(_url(port.getHost()))


def _url(host: Any) -> str:
    if isinstance(host, UNIXAddress):
        return f"unix:{os.fsdecode(host.name or b'')}"
    address = f"[{host.host}]" if ":" in host.host else host.host
    return f"http://{address}:{host.port}/"


class Factories(NamedTuple):
    """The protocol factories of all listeners; `secure` is used only where a listener has TLS."""

    plain: DoorFactory
    secure: IProtocolFactory
    to_tls: DoorToTlsFactory

    def of(self, listener: Listener) -> IProtocolFactory:
        """The factory for `listener`."""
        served = self._served(listener)
        if not listener.proxied:
            return served
        doors = self.plain
        return ProxiedFactory(served, doors.proxies or TrustedProxies(()), doors.turned_away)

    def _served(self, listener: Listener) -> IProtocolFactory:
        if listener.redirects:
            return self.to_tls
        return self.secure if listener.secure else self.plain


def to_tls_factory(doors: DoorFactory, record: Record, webroot: Path) -> DoorToTlsFactory:
    """For the listeners that redirect, with the limits of `doors`."""
    made = DoorToTlsFactory(doors.doorman, doors.deadlines, doors.turned_away, record, webroot)
    made.proxies = doors.proxies
    made.node = doors.node
    return made


def listening_services(
    listeners: Sequence[Listener], factories: Factories, journal: LogJournal, reactor: Any
) -> list[ListeningService]:
    """The services that listen, once they are started; the first with TLS is redirected to."""
    made = [
        ListeningService(
            listener,
            factories.of(listener),
            # Announced when the reactor runs: only then can clients be served.
            partial(reactor.callWhenRunning, announcement_of(listener), journal),
        )
        for listener in listeners
    ]
    secure = [each for each in made if each.listener.secure]
    if secure:
        factories.to_tls.tls_port = lambda: secure[0].number
    return made
