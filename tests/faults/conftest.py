"""What the tests of faults share: the table at the end."""

import pytest

from tests.faults.table import lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was lost, doubled and reordered, and how long it took."""
    judged = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    recorded = [each for report in judged for each in report.user_properties]
    for number, line in enumerate(lines(recorded)):
        if number == 0:
            terminalreporter.section("faults")
        terminalreporter.write_line(line)
