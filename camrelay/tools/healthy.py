"""`camrelay healthy`: one question, for the health checks of containers and scripts."""

import os
import re
import ssl
from urllib.error import HTTPError
from urllib.request import urlopen

import click

from camrelay.config import Settings, load
from camrelay.core.errors import StartError

_TCP = re.compile(r"(?P<tls>tls\+)?tcp6?:(?P<port>[0-9]+)")


def own_address(settings: Settings) -> str:
    """Where the server with these settings answers on this machine, as far as they tell."""
    port, secure = settings.port, settings.tls
    listens = [found for found in map(_TCP.match, settings.listen) if found]
    if port is None and not secure and listens:
        port, secure = int(listens[0]["port"]), bool(listens[0]["tls"])
    return f"{'https' if secure else 'http'}://localhost:{port or (8443 if secure else 8080)}"


@click.command(
    epilog="""\b
Examples:
  camrelay healthy
  PORT=5000 camrelay healthy
  camrelay healthy https://localhost:8443 && echo it serves

In a Dockerfile: HEALTHCHECK CMD ["camrelay", "healthy"]"""
)
@click.argument("url", required=False)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the answer.",
)
@click.option("--config", type=click.Path(), metavar="FILE", help="TOML file with settings.")
def healthy(url: str | None, timeout: float, config: str | None) -> None:
    """Does the server answer? Exit code 0 if it does, 1 if not.

    URL is http:// or https:// with host and port; left out, it is this machine with the port that
    the environment (PORT), .env and camrelay.toml say. The certificate is not looked at: that is
    for `camrelay doctor`.
    """
    try:
        address = url or own_address(load({}, os.environ, config))
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with urlopen(f"{address.rstrip('/')}/healthz", timeout=timeout, context=context) as answer:
            click.echo(answer.read(100).decode().strip())
    except HTTPError as error:
        raise click.ClickException(f"{address} answers {error.code}") from None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{address} does not answer: {error}") from None
    except StartError as error:
        raise click.ClickException(str(error)) from None
