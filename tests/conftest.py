"""Fixtures for every test: a real camrelay, with its defaults or with options."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.server import Server, start_relay

StartRelay = Callable[..., Server]


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A camrelay with nothing configured but a free port, shared by the tests of a file."""
    with start_relay(tmp_path_factory.mktemp("relay")) as server:
        yield server


@pytest.fixture
def relay_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRelay]:
    """Start a camrelay with options: `relay_with("--tls", "--message-rate", "10")`."""
    with ExitStack() as running:

        def start(*options: str, **environment: str) -> Server:
            directory = tmp_path_factory.mktemp("relay")
            return running.enter_context(start_relay(directory, *options, **environment))

        yield start
