"""A machine that must run every test notices when one is skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = {
    "test": "import pytest\ndef test_it(): pytest.skip('no java')",
    "mark": "import pytest\n@pytest.mark.skip('no java')\ndef test_it(): pass",
    "fixture": (
        "import pytest\n@pytest.fixture\ndef java(): pytest.skip('no java')\n"
        "def test_it(java): pass"
    ),
    "file": "import pytest\npytest.skip('no java', allow_module_level=True)",
}
CHECKOUT = Path(__file__).parent.parent


def run_pytest(directory: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A pytest of its own on a test file with `source`."""
    (directory / "test_it.py").write_text(source, "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    alone = {"PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command,
        cwd=directory,
        env=os.environ | alone,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("how", SKIPS)
def test_a_skip_fails_with_its_reason(tmp_path: Path, how: str) -> None:
    """However a test is skipped, the run fails and says why."""
    ran = run_pytest(tmp_path, SKIPS[how], "-p", "tests.support.no_skips")
    assert ran.returncode != 0
    assert "no java" in ran.stdout
    assert "skipped" not in ran.stdout.splitlines()[-1]


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    """What is known to fail still may."""
    source = "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False"
    assert run_pytest(tmp_path, source, "-p", "tests.support.no_skips").returncode == 0
