"""What the tests of faults share: the table at the end."""

import pytest

from tests.faults.table import lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was lost, doubled and reordered, and how long it took."""
    for number, line in enumerate(lines()):
        if number == 0:
            terminalreporter.section("faults")
        terminalreporter.write_line(line)
