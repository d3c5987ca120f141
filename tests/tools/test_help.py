"""What every command says about itself, and what shells know of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from twisted.python import usage

from camrelay import tap, worker_tap
from camrelay.tools.main import main
from tests.support.server import clean_environment
from tests.tools.commands import CAMRELAY


def commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, as they are typed."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from commands(f"{path} {name}", below)


COMMANDS = dict(commands("camrelay", main))
TWISTD = {"camrelay": tap.Options, "camrelay-worker": worker_tap.Options}
README = Path(__file__).parents[2] / "README.md"


def help_of(name: str) -> str:
    """What `--help` prints."""
    result = CliRunner().invoke(main, [*name.split()[1:], "--help"], prog_name="camrelay")
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples(name: str) -> None:
    """Of itself, each on a line of its own."""
    _, mark, examples = help_of(name).partition("Examples:\n")
    assert mark
    assert f" {name} " in f" {' '.join(examples.split())} "


LOADED = """
import sys
from camrelay.tools.main import main
main([sys.argv[1], "--help"], standalone_mode=False)
print("loaded:", *{"OpenSSL", "twisted"} & sys.modules.keys())
"""


@pytest.mark.parametrize("name", ["bench", "healthy", "history", "publish", "status", "token"])
def test_a_command_loads_only_what_it_needs(name: str) -> None:
    """A health check runs every few seconds, on small machines too: it waits for no library."""
    command = [sys.executable, "-c", LOADED, name]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str) -> None:
    """In a sentence."""
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.help[0].isupper(), parameter.help
            assert parameter.help.rstrip(")").endswith("."), parameter.help


@pytest.mark.parametrize("name", TWISTD)
def test_what_twistd_starts_shows_examples_too(name: str) -> None:
    """And says of every option what it is for."""
    options: usage.Options = TWISTD[name]()
    said = options.getUsage()
    assert f"\nExamples:\n  twistd -n {name}" in said
    assert all(options.docs.values())


LINES = {
    "bash": 'eval "$(_CAMRELAY_COMPLETE=bash_source camrelay)"',
    "zsh": 'eval "$(_CAMRELAY_COMPLETE=zsh_source camrelay)"',
    "fish": "_CAMRELAY_COMPLETE=fish_source camrelay | source",
}
# What a shell does when somebody types `camrelay che` and presses Tab.
TAB = {
    "bash": "COMP_WORDS=(camrelay che) COMP_CWORD=1; _camrelay_completion camrelay che; "
    'echo "${COMPREPLY[@]}"',
    "zsh": "compdef() { return }; compadd() { return }; _describe() { print -l ${(P)3} }; "
    "words=(camrelay che) CURRENT=2; _camrelay_completion",
    "fish": "complete -C 'camrelay che'",
}
PACKAGES = {"bash": "bash", "zsh": "zsh", "fish": "fish"}


@pytest.mark.parametrize("shell", LINES)
def test_shells_complete_commands(shell: str, tmp_path: Path) -> None:
    """After the line that the help shows."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"needs {shell}: apt-get install {PACKAGES[shell]}")
    path = f"{CAMRELAY.parent}{os.pathsep}{os.environ['PATH']}"
    before = "autoload -Uz compinit; compinit -u -D; " if shell == "zsh" else ""
    ran = subprocess.run(
        [program, "-c", f"{before}{LINES[shell]}\n{TAB[shell]}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=clean_environment() | {"PATH": path, "HOME": str(tmp_path)},
    )
    assert "check" in ran.stdout, ran.stderr
    assert "publish" not in ran.stdout


@pytest.mark.parametrize("shell", LINES)
def test_the_lines_for_shells_are_written_down(shell: str) -> None:
    """In the help and in the README, as they are tried here."""
    assert LINES[shell] in help_of("camrelay")
    assert LINES[shell] in README.read_text("utf-8")
