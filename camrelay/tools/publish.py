"""`camrelay publish` on the command line."""

import click

from camrelay.config import history_of
from camrelay.core.errors import PeerError, StartError
from camrelay.publish import Publisher
from camrelay.redis.blocking import BlockingLink
from camrelay.redis.errors import LinkError
from camrelay.tools.redis_options import redis_options, redis_place


@click.command(
    epilog="""\b
Examples:
  camrelay publish /ws/chat/lobby '{"message": "Lunch is ready"}' --redis redis://localhost
  REDIS_URL=redis://localhost camrelay publish /ws/text/lobby 'Lunch is ready' --user Kitchen

Settings may also come from the environment, .env and camrelay.toml, as for the server."""
)
@click.argument("path", metavar="ROOM-PATH")
@click.argument("message")
@click.option("--user", default="", metavar="NAME", help="Name of the sender (text and chat).")
@click.option(
    "--history", metavar="KIND", help="The servers' own --history: redis, or off (default)."
)
@redis_options
def publish(path: str, message: str, user: str, **given: str | None) -> None:
    """Send MESSAGE to the room at ROOM-PATH, on all servers that share a Redis.

    The path is the one that clients use, such as /ws/chat/lobby. The message is validated like
    those of clients.
    """
    try:
        place = redis_place(**given)
        with BlockingLink(place.url, place.trust) as link:
            keeps = history_of(place.settings) == "redis"
            reached = Publisher(link, place.settings.routes, keeps).publish(path, message, user)
    except (StartError, PeerError, LinkError) as error:
        raise click.ClickException(str(error)) from None
    servers = "1 server" if reached == 1 else f"{reached} servers"
    click.echo(f"carried to {servers} with members in the room" if reached else "nobody is there")
