"""Fixtures for tests that speak to a whole server."""

from collections.abc import Iterator

import pytest

from tests.support.server import Server
from tests.support.wire import Wire


@pytest.fixture
def echo(relay: Server) -> Iterator[Wire]:
    """A connection to the raw echo route, past its handshake."""
    with Wire(relay.port) as wire:
        wire.upgrade("/echo")
        yield wire
