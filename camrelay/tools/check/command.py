"""`camrelay check` on the command line."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from camrelay.config import OPTIONS, Option
from camrelay.tools.check.examine import examine
from camrelay.tools.check.routes import rows, table
from camrelay.tools.findings import Level, print_as_json, summary, worst
from camrelay.tools.redis_options import sentence

Command = Callable[..., Any]


def server_options(command: Command) -> Command:
    """Every option of `twistd camrelay`."""
    for option in reversed(OPTIONS.values()):
        if option.name != "routes":  # in the file only
            command = _click_option(option)(command)
    return command


def _click_option(option: Option) -> Callable[[Command], Command]:
    text = option.description if option.is_switch or option.is_many else option.help
    said = sentence(text)
    if option.is_switch:
        return click.option(option.flag, option.name, is_flag=True, help=said)
    names_file = option.description.startswith(("PEM file", "file "))
    return click.option(
        option.flag,
        option.name,
        multiple=option.is_many,
        type=click.Path() if names_file or option.name == "data_dir" else str,
        metavar="FILE" if names_file else "VALUE",
        help=said,
    )


@click.command(
    epilog="""\b
Examples:
  camrelay check --port 8443 --tls
  camrelay check --config new.toml --running && systemctl restart camrelay
  camrelay check --json | jq '.findings[] | select(.level != "ok")'

It takes the options of `twistd camrelay`, and reads the same environment, .env and camrelay.toml.
A problem prevents the start; a Redis that does not answer is a warning, since the server starts
without it and keeps trying. Exit code: 2 with a problem, 1 with a warning and --strict, else 0."""
)
@server_options
@click.option(
    "--config",
    type=click.Path(),
    metavar="FILE",
    help="TOML file with settings (default: camrelay.toml, if it is there).",
)
@click.option(
    "--running", is_flag=True, help="The server is running: do not report its ports as taken."
)
@click.option("--strict", is_flag=True, help="Exit with 1 when there are warnings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def check(config: str | None, running: bool, strict: bool, as_json: bool, **given: Any) -> None:
    """Check whether the server would start with these settings.

    All settings are checked, and ports, certificate, data directory, Redis and limits are tried
    out, without starting, creating or changing anything. Every problem is reported. Then the
    routes are shown in the order in which they are tried.
    """
    said = {name: value for name, value in given.items() if value}
    settings, findings = examine(said, os.environ, config, running)
    if as_json:
        print_as_json(findings, routes=rows(settings.routes))
    else:
        for finding in findings:
            click.echo(finding.line())
        click.echo(f"\n{table(settings.routes)}\n\n{summary(findings)}")
    level = worst(findings)
    if level is Level.PROBLEM or strict:
        sys.exit(level)
