"""What all links to Redis have in common: what a command is, and how long its answer may take.

Free of txredisapi, which cannot be imported without installing a reactor.
"""

Word = bytes | str | int
"""A part of a command."""

# Seconds that Redis has to answer a command.
REPLY_TIMEOUT = 2.0
