"""docs/http-api.md: its examples are run as they are written, and answer what is written there."""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

from tests.support.server import clean_environment, start_relay

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "http-api.md"
DOCUMENT = ROOT / "camrelay" / "web" / "openapi.yaml"
END = "-- end of an example --"
EPOCH = re.compile(r"\b[0-9a-f]{10}\b(?!\.)")

# What is another one each time, and how it is written while two answers are compared.
VARIES = (
    (r"[0-9]{10}\.[0-9]+", "TIME"),
    (r'"age":[0-9.]+', '"age":AGE'),
    (EPOCH, "EPOCH"),
    (r"guest-[0-9a-f]{16}", "GUEST"),
    (r"eyJ[\w.-]+", "TOKEN"),
)


class Shell:
    """A shell in which one command is typed after the other."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """What pip has installed here is found first."""
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=clean_environment() | {"PATH": path} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str) -> str:
        """What it answers (what it says besides is in the output of the test)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\necho; echo '{END}'\n")
        self._process.stdin.flush()
        return "".join(iter(self._process.stdout.readline, f"{END}\n"))

    def end(self) -> None:
        """Close it."""
        self._process.communicate(timeout=20)


def examples(page: str) -> list[tuple[str, str]]:
    """Each command that is typed in `page`, with what is shown below it."""
    found: list[tuple[str, str]] = []
    is_shown = False
    for line in page.splitlines():
        text = line.removeprefix("    ")
        if line.startswith("    $ "):
            found.append((text.removeprefix("$ "), ""))
            is_shown = True
        elif is_shown and (not line or text != line):
            found[-1] = (found[-1][0], f"{found[-1][1]}{text}\n")
        else:
            is_shown = False
    return found


def plain(answer: str) -> str:
    """`answer` without what is another one each time."""
    for pattern, word in VARIES:
        answer = re.sub(pattern, word, answer)
    return answer.strip("\n")


def test_the_examples_answer_what_the_page_says(tmp_path: Path) -> None:
    """One after the other in one shell, with the address of this test's server."""
    if not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("no curl to test with: apt-get install curl bash")
    (first, _), *rest = examples(PAGE.read_text("utf-8"))
    assert first == "export RELAY=http://localhost:8080"
    epochs: dict[str, str] = {}
    with start_relay(tmp_path) as server:
        shell = Shell(tmp_path, RELAY=f"http://localhost:{server.port}")
        for command, expected in rest:
            answer = shell.run(EPOCH.sub(lambda found: epochs[found[0]], command))
            assert plain(answer) == plain(expected), command
            epochs.update(zip(EPOCH.findall(expected), EPOCH.findall(answer), strict=True))
        shell.end()


def test_the_page_names_every_call_and_every_code() -> None:
    """As the document for programs does."""
    page = PAGE.read_text("utf-8")
    document = DOCUMENT.read_text("utf-8")
    for path in yaml.safe_load(document)["paths"]:
        assert path.replace("{channel}", "NAME") in page
    codes = set(re.findall(r"code: \{const: ([a-z-]+)\}", document))
    assert len(codes) > 8
    assert {code for code in codes if f"`{code}`" not in page} == set()
