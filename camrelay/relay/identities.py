"""How long a connection with a token may stay, and how many of them a user may have."""

from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from math import inf

from camrelay.core.admission import Admission
from camrelay.core.errors import KEY_RETIRED, NOT_SIGNED_IN, TOKEN_EXPIRED, Denied
from camrelay.core.session import Session
from camrelay.ports import Clock
from camrelay.relay.rooms import Rooms

# Seconds that a connection without a token may wait for one.
PATIENCE = 5.0

# The wall clock may jump: the expiry is checked again at least this often.
LONGEST_SLEEP = 600.0

# Connections that end at once when a key was retired, and seconds until the next ones do: each end
# is told to all who are in the room.
AT_ONCE = 100
PAUSE = 0.1


class Identities:
    """Closes connections whose token has expired, is no longer accepted, or was never sent."""

    def __init__(self, clock: Clock, rooms: Rooms, connections: int) -> None:
        """`connections`: how many of one subject may be open on this node; 0: no limit."""
        self._clock = clock
        self._rooms = rooms
        self._most = connections
        self._open: Counter[str] = Counter()

    def check(self, admission: Admission) -> None:
        """Raises Denied(429) if the subject has too many connections already."""
        identity = admission.identity
        if identity is not None and self._most and self._open[identity.subject] >= self._most:
            raise Denied(429, f"more than {self._most} connections of {identity.subject}")

    def came(self, session: Session) -> None:
        """`session` has its admission: watch when that ends."""
        admission = session.admission
        if admission.request is not None:
            session.expiry = self._clock.later(PATIENCE, partial(self._waited, session))
        elif admission.identity is not None:
            self._open[admission.identity.subject] += 1
            self._watch(session)

    def went(self, session: Session) -> None:
        """`session` is closed, or about to get another admission."""
        self._stop_watching(session)
        identity = session.admission.identity
        if identity is not None:
            self._open[identity.subject] -= 1
            if not self._open[identity.subject]:
                del self._open[identity.subject]

    def believe_only(self, keys: Collection[str], sessions: Sequence[Session]) -> None:
        """End those of `sessions` whose tokens were signed with a key that is not one of `keys`."""
        self._end_some([each for each in sessions if _is_of_another(each, keys)], keys)

    def _end_some(self, sessions: Sequence[Session], keys: Collection[str]) -> None:
        for session in sessions[:AT_ONCE]:
            if not session.has_left and _is_of_another(session, keys):  # it may have a new token
                self._rooms.end(session, KEY_RETIRED)
        rest = sessions[AT_ONCE:]
        if rest:
            self._clock.later(PAUSE, partial(self._end_some, rest, keys))

    def _watch(self, session: Session) -> None:
        identity = session.admission.identity
        if identity is None or identity.expires_at == inf:
            return
        left = identity.expires_at - self._clock.unix()
        if left <= 0:
            self._rooms.end(session, TOKEN_EXPIRED)
            return
        sleep = min(left, LONGEST_SLEEP)
        session.expiry = self._clock.later(sleep, partial(self._look_again, session))

    def _look_again(self, session: Session) -> None:
        session.expiry = None
        self._watch(session)

    def _waited(self, session: Session) -> None:
        session.expiry = None
        self._rooms.end(session, NOT_SIGNED_IN)

    def _stop_watching(self, session: Session) -> None:
        if session.expiry is not None:
            session.expiry.cancel()
            session.expiry = None


def _is_of_another(session: Session, keys: Collection[str]) -> bool:
    """Whether it has shown a token, and that was signed with another key than `keys`."""
    identity = session.admission.identity
    return identity is not None and identity.key != "" and identity.key not in keys
