"""Connections to one server, each for one purpose."""

import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass
from secrets import token_bytes
from typing import NamedTuple

from camrelay.tools.doctor.exchange import Exchange
from camrelay.tools.doctor.facts import Agreement, Answer, NoAnswer
from camrelay.tools.doctor.handshakes import Identity, agree, believing_context, secure
from camrelay.tools.doctor.look_up import SocketAddress, dial
from camrelay.tools.doctor.requests import accept_of, page_request, upgrade_request
from camrelay.tools.doctor.target import Target


class Upgraded(NamedTuple):
    """A handshake: the connection, the answer, and the Sec-WebSocket-Accept that it should have."""

    exchange: Exchange
    answer: Answer | NoAnswer
    accept: str


@dataclass(frozen=True, slots=True)
class Visits:
    """A server at `address`, how many seconds to wait for it each time, and who comes."""

    address: SocketAddress
    timeout: float
    identity: Identity | None = None

    def dial(self) -> socket.socket:
        """A plain connection. Raises OSError."""
        return dial(self.address, self.timeout)

    def open(self, target: Target) -> Exchange:
        """A connection on which to ask for something; with TLS, anybody is believed."""
        connection = self.dial()
        if target.secure:
            connection = secure(connection, self.introduced(believing_context()), target.host)
        return Exchange(connection)

    def introduced(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """`context`, with a certificate for servers that ask who comes."""
        if self.identity is not None:
            self.identity.show_in(context)
        return context

    def agree(self, context: ssl.SSLContext, host: str) -> Agreement:
        """Make a handshake, and hang up."""
        try:
            dialed = self.dial()
        except OSError as error:
            return Agreement(error=error.strerror or str(error))
        return agree(dialed, self.introduced(context), host)

    def upgrade(
        self, target: Target, origin: str | None = None, extensions: str | None = None
    ) -> Upgraded:
        """Ask for a WebSocket. The caller closes the exchange. Raises OSError."""
        key = b64encode(token_bytes(16)).decode()
        exchange = self.open(target)
        answer = exchange.ask(upgrade_request(target, key, origin, extensions))
        return Upgraded(exchange, answer, accept_of(key))

    def try_upgrade(
        self, target: Target, origin: str | None = None, extensions: str | None = None
    ) -> Answer | NoAnswer:
        """Ask for a WebSocket, and hang up."""
        try:
            exchange, answer, _ = self.upgrade(target, origin, extensions)
        except OSError as error:
            return NoAnswer(silent=isinstance(error, TimeoutError))
        with exchange:
            return answer

    def page(self, target: Target) -> Answer | NoAnswer:
        """Ask for the first page."""
        try:
            with self.open(target) as exchange:
                return exchange.ask(page_request(target))
        except OSError as error:
            return NoAnswer(silent=isinstance(error, TimeoutError))
