"""A pytest plugin for machines that must be able to run everything: a skip is a failure.

PYTEST_ADDOPTS="-p tests.support.no_skips" make test
"""

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test or a fixture that skips."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = _reason(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole file that skips while it is read."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = _reason(report)
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    said = where[2] if isinstance(where, tuple) else str(where)
    return f"{said}\nNothing may be skipped here: install what is missing."
