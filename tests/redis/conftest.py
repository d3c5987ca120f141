"""A Redis of one's own, and links to it."""

from tests.support.cluster import cluster
from tests.support.kept_nodes import kept_nodes
from tests.support.links import mail_server, start_link
from tests.support.redis import redis_server
from tests.support.redis_tls import trust
from tests.support.sentinel import replicated

__all__ = [
    "cluster",
    "kept_nodes",
    "mail_server",
    "redis_server",
    "replicated",
    "start_link",
    "trust",
]
