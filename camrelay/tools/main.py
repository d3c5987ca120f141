"""The `camrelay` command: the tools around the server (which is started with `twistd camrelay`)."""

from importlib import import_module

import click

import camrelay

MODULES = {
    "bench": "camrelay.tools.bench.command",
    "check": "camrelay.tools.check.command",
    "doctor": "camrelay.tools.doctor.command",
    "drain": "camrelay.tools.operate",
    "healthy": "camrelay.tools.healthy",
    "history": "camrelay.tools.history",
    "key": "camrelay.tools.key",
    "publish": "camrelay.tools.publish",
    "receive": "camrelay.tools.channels",
    "send": "camrelay.tools.channels",
    "status": "camrelay.tools.operate",
    "token": "camrelay.tools.token",
}
"""Where each command is, under its own name."""


class Commands(click.Group):
    """Imports a command when it is typed: a health check runs every few seconds, and what
    `camrelay check` needs would take it longer to load than to ask its question."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as `--help` has them."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None when there is none of that name."""
        if cmd_name not in MODULES:
            return None
        command: click.Command = getattr(import_module(MODULES[cmd_name]), cmd_name)
        return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  twistd -n camrelay --port 8443 --tls      the server itself
  camrelay check --port 8443 --tls          check the settings before a start
  camrelay doctor wss://localhost:8443      check whether clients can connect
  sudo camrelay status                      the state of the server under systemd
  camrelay publish --help                   the help of one command

\b
To complete commands and options, add one line to the start-up file of your shell:
  bash  eval "$(_CAMRELAY_COMPLETE=bash_source camrelay)"
  zsh   eval "$(_CAMRELAY_COMPLETE=zsh_source camrelay)"
  fish  _CAMRELAY_COMPLETE=fish_source camrelay | source""",
)
@click.version_option(camrelay.__version__, prog_name="camrelay")
def main() -> None:
    """Tools for camrelay. The server itself is started with `twistd -n camrelay`."""


if __name__ == "__main__":
    main()
