"""The use cases: what happens when somebody comes, speaks, listens and goes.

`rooms.py` has the rooms and their turns, and stands below the others; `keeping.py`, `presence.py`
and `identities.py` have one idea each; `relay.py` puts them together.
"""

from camrelay.relay.relay import Relay

__all__ = ["Relay"]
