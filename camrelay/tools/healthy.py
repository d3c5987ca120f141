"""`camrelay healthy`: one question, for the health checks of containers and scripts."""

import os
import re
import socket
import ssl
from urllib.error import HTTPError
from urllib.parse import urlsplit
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


def asks_for_certificates(settings: Settings) -> bool:
    """Clients without one get no answer, and this command has none."""
    return settings.client_ca is not None and settings.client_certificate != "optional"


@click.command(
    epilog="""\b
Examples:
  camrelay healthy
  PORT=5000 camrelay healthy
  camrelay healthy https://localhost:8443 && echo it answers

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
    """Ask the server whether it is alive. Exit code: 0 if it answers, 1 if not.

    URL is http:// or https:// with host and port; the default is this machine, with the port from
    the environment (PORT), .env or camrelay.toml. The certificate is not verified; use
    `camrelay doctor` for that. If clients need a certificate, a TLS handshake counts as an answer.
    """
    try:
        settings = Settings() if url else load({}, os.environ, config)
        address = url or own_address(settings)
        ask = _shake_hands if asks_for_certificates(settings) else _ask
        click.echo(ask(address, timeout))
    except HTTPError as error:
        raise click.ClickException(f"{address} answers {error.code}") from None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{address} does not answer: {error}") from None
    except StartError as error:
        raise click.ClickException(str(error)) from None


def _ask(address: str, timeout: float) -> str:
    """What the page for load balancers says. Raises OSError or ValueError."""
    url = f"{address.rstrip('/')}/healthz"
    with urlopen(url, timeout=timeout, context=_believing_context()) as answer:
        text: str = answer.read(100).decode().strip()
        return text


def _shake_hands(address: str, timeout: float) -> str:
    """Without TLS there is nothing to show a certificate in. Raises OSError."""
    parts = urlsplit(address)
    if parts.scheme != "https":
        return _ask(address, timeout)
    with (
        socket.create_connection((parts.hostname, parts.port), timeout) as connection,
        _believing_context().wrap_socket(connection, server_hostname=parts.hostname),
    ):
        return "ok, for clients with a certificate"


def _believing_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
