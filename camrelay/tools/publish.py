"""`camrelay publish` on the command line."""

import os
from pathlib import Path

import click

from camrelay.config import OPTIONS, load
from camrelay.core.errors import PeerError, StartError
from camrelay.publish import Publisher
from camrelay.redis.blocking import BlockingLink
from camrelay.redis.endpoint import Trust
from camrelay.redis.errors import LinkError
from camrelay.redis.url import parse


@click.command(
    epilog="""\b
Examples:
  camrelay publish /ws/chat/lobby '{"message": "Lunch is ready"}' --redis redis://localhost
  REDIS_URL=redis://localhost camrelay publish /ws/text/lobby 'Lunch is ready' --user Kitchen

Settings come from the environment, .env and camrelay.toml too, as for the server."""
)
@click.argument("path", metavar="ROOM-PATH")
@click.argument("message")
@click.option("--user", default="", metavar="NAME", help="Speak under a name (text and chat).")
@click.option("--redis", metavar="URL", help="The Redis of the servers (also: REDIS_URL).")
@click.option("--redis-ca", metavar="FILE", help=OPTIONS["redis_ca"].description)
@click.option("--redis-insecure", is_flag=True, help=OPTIONS["redis_insecure"].description)
@click.option("--config", metavar="FILE", help="TOML file with settings.")
def publish(path: str, message: str, user: str, config: str | None, **given: str | bool) -> None:
    """Say MESSAGE in the room at ROOM-PATH, on all servers that share a Redis.

    The path is that of the clients, such as /ws/chat/lobby. The message is checked as theirs are.
    """
    try:
        settings = load({name: value for name, value in given.items() if value}, os.environ, config)
        if settings.redis is None:
            raise click.UsageError("where is the Redis of the servers? Say --redis redis://HOST")
        authority = Path(settings.redis_ca) if settings.redis_ca else None
        trust = Trust(authority, settings.redis_insecure)
        with BlockingLink(parse(settings.redis), trust) as link:
            reached = Publisher(link, settings.routes).publish(path, message, user)
    except (StartError, PeerError, LinkError) as error:
        raise click.ClickException(str(error)) from None
    servers = "1 server" if reached == 1 else f"{reached} servers"
    click.echo(f"carried to {servers} with members in the room" if reached else "nobody is there")
