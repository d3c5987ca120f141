"""A Redis of one's own, and links to it."""

from tests.support.cluster import cluster
from tests.support.links import start_link
from tests.support.redis import redis_server

__all__ = ["cluster", "redis_server", "start_link"]
