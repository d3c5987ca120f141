"""Fixtures for tests that speak to a whole server."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.support.bystander import Bystander
from tests.support.crowd import Crowd
from tests.support.server import Server, start_relay
from tests.support.wire import Wire

PLAIN = Path(__file__).parents[1] / "support" / "plain_autobahn.py"


@pytest.fixture
def echo(relay: Server) -> Iterator[Wire]:
    """A connection to the raw echo route, past its handshake."""
    with Wire(relay.port) as wire:
        wire.upgrade("/echo")
        yield wire


@pytest.fixture(scope="module", params=[(), ("--tls",)], ids=["plain", "tls"])
def fast_relay(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A camrelay that takes as many messages as come, with and without TLS."""
    directory = tmp_path_factory.mktemp("relay")
    with start_relay(directory, "--message-rate", "0", *request.param) as server:
        yield server


@pytest.fixture
def crowd(fast_relay: Server) -> Iterator[Crowd]:
    """Members of its rooms."""
    with Crowd(fast_relay) as crowd:
        yield crowd


@pytest.fixture
def target(
    request: pytest.FixtureRequest,
    shared_targets: dict[tuple[str, ...], Server],
    running_targets: ExitStack,
) -> Iterator[Server]:
    """The server to attack, with the options that the `attack` marker of the test names."""
    marker = request.node.get_closest_marker("attack")
    plain = request.config.option.plain
    options = tuple(marker.kwargs.get("plain" if plain else "relay", ()))
    if marker.kwargs.get("fresh"):
        with start_target(request, *options) as server:
            yield server
    else:
        if options not in shared_targets:
            server = running_targets.enter_context(start_target(request, *options))
            shared_targets[options] = server
        yield shared_targets[options]


@pytest.fixture
def attacked(target: Server) -> Iterator[Server]:
    """The server to attack, while somebody else chats there and must not be disturbed."""
    with Bystander(target):
        yield target


@pytest.fixture(scope="session")
def running_targets() -> Iterator[ExitStack]:
    """Ends the shared targets when all tests are done."""
    with ExitStack() as running:
        yield running


@pytest.fixture(scope="session")
def shared_targets() -> dict[tuple[str, ...], Server]:
    """The targets that tests share, by their options."""
    return {}


def start_target(request: pytest.FixtureRequest, *options: str) -> AbstractContextManager[Server]:
    """A camrelay, or a plain Autobahn under --plain; the options are those of the one started."""
    directory = request.getfixturevalue("tmp_path_factory").mktemp("target")
    if request.config.option.plain:
        return Server([sys.executable, str(PLAIN), *options], directory)
    return start_relay(directory, *options)
