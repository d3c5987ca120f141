"""The link to Redis: where it is, how to reach it, and one connection after another to it."""
