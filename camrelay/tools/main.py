"""The `camrelay` command: the tools around the server (which is started with `twistd camrelay`)."""

import click

import camrelay
from camrelay.tools.bench.command import bench
from camrelay.tools.channels import receive, send
from camrelay.tools.check.command import check
from camrelay.tools.doctor.command import doctor
from camrelay.tools.healthy import healthy
from camrelay.tools.history import history
from camrelay.tools.key import key
from camrelay.tools.operate import drain, status
from camrelay.tools.publish import publish
from camrelay.tools.token import token


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  twistd -n camrelay --port 8443 --tls      the server itself
  camrelay check --port 8443 --tls          would it start?
  camrelay doctor wss://localhost:8443      can clients connect?
  sudo camrelay status                      what does the one under systemd do?
  camrelay publish --help                   everything about one command

\b
The shell completes commands and options after one line in its start-up file:
  bash  eval "$(_CAMRELAY_COMPLETE=bash_source camrelay)"
  zsh   eval "$(_CAMRELAY_COMPLETE=zsh_source camrelay)"
  fish  _CAMRELAY_COMPLETE=fish_source camrelay | source""",
)
@click.version_option(camrelay.__version__, prog_name="camrelay")
def main() -> None:
    """Tools for camrelay. The server itself is started with `twistd -n camrelay`."""


main.add_command(bench)
main.add_command(check)
main.add_command(doctor)
main.add_command(drain)
main.add_command(healthy)
main.add_command(history)
main.add_command(key)
main.add_command(publish)
main.add_command(receive)
main.add_command(send)
main.add_command(status)
main.add_command(token)


if __name__ == "__main__":
    main()
