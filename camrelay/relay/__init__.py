"""The use cases: what happens when a client joins, publishes, listens and leaves.

`rooms.py` has the rooms and their turns; the other modules are built on it, one idea each:
`keeping.py` (history), `presence.py`, `identities.py`, `visits.py` (HTTP requests) and
`elsewhere.py` (other nodes). `relay.py` puts them together.
"""

from camrelay.relay.relay import Relay

__all__ = ["Relay"]
