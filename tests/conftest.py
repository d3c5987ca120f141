"""Fixtures for every test: a real camrelay, with its defaults or with options."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests.faults.table import lines
from tests.support import wire
from tests.support.server import Server, start_relay

StartRelay = Callable[..., Server]

ATTACK = """attack(relay, plain, fresh): an attack that succeeds against plain Autobahn and Twisted;
`relay` and `plain` are the options of the camrelay to attack and, with --plain, of
tests/support/plain_autobahn.py (None: that resists, too); `fresh`: the test needs a server of its
own"""


settings.register_profile("untimed", deadline=None)  # timings are never asserted
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The way to see that the attacks are real."""
    parser.addoption(
        "--plain",
        action="store_true",
        help="run the attacks against plain Autobahn instead, and expect every one to succeed "
        "(--runxfail shows how)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Explain the marker; a server that fails every test should do so soon.

    Under nohup, or in the background of a script, a signal is ignored, and programs inherit that;
    what is called for a signal they do not inherit.
    """
    config.addinivalue_line("markers", " ".join(ATTACK.split()))
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if config.option.plain:
        wire.SECONDS_TO_WAIT = 2.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --plain: only attacks, and each test must fail."""
    if not config.option.plain:
        return
    attacks = [item for item in items if _succeeds_on_plain(item.get_closest_marker("attack"))]
    config.hook.pytest_deselected(items=[item for item in items if item not in attacks])
    items[:] = attacks
    for item in attacks:
        item.add_marker(pytest.mark.xfail(raises=AssertionError, strict=True, reason="plain"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With `-m faults`: what was lost, doubled and reordered, and how long it took."""
    judged = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    recorded = [each for report in judged for each in report.user_properties]
    for number, line in enumerate(lines(recorded)):
        if number == 0:
            terminalreporter.section("faults")
        terminalreporter.write_line(line)


def _succeeds_on_plain(attack: pytest.Mark | None) -> bool:
    return attack is not None and attack.kwargs.get("plain", ()) is not None


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
