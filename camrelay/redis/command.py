"""What all links to Redis have in common: what a command is, and how long things may take.

Free of txredisapi, which cannot be imported without installing a reactor.
"""

Word = bytes | str | int
"""A part of a command."""

# Seconds for TCP to connect to one address.
CONNECT_TIMEOUT = 2.0
# Seconds that Redis has to answer a command.
REPLY_TIMEOUT = 2.0
