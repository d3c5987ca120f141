"""The identities that are accepted: tokens of this server and of other issuers, and guests."""

from typing import Any

from camrelay.config import Settings, data_directory
from camrelay.core.errors import Denied, StartError
from camrelay.identity.guests import guest_identity
from camrelay.identity.others import OthersKeys
from camrelay.identity.own_keys import OwnKeys
from camrelay.identity.tokens import TokenRules, Tokens
from camrelay.net.api.sessions import Guest
from camrelay.net.clock import ReactorClock
from camrelay.ops.journal import LogJournal


class Bearers:
    """Reads tokens, and gives guests theirs. `keys` is to be started and stopped.

    `believed()` gives the keys with which tokens may be signed now.
    """

    def __init__(self, settings: Settings, reactor: Any, journal: LogJournal) -> None:
        """Raises StartError for keys that cannot be read."""
        clock = ReactorClock(reactor)
        self.session_seconds = settings.session_time
        self.keys = OthersKeys(settings.jwks, reactor, clock.now, journal)
        own = OwnKeys(data_directory(settings), clock.now, journal)
        rules = TokenRules(settings.token_audience, settings.token_issuer, settings.token_leeway)
        self._tokens = Tokens(own, self.keys, rules, clock.unix)
        self.verify = self._tokens.verify
        self.believed = self._tokens.believed

    def sign_in(self, name: str) -> Guest:
        """A guest called `name`. Raises Denied(400) for a name that cannot be shown.

        Denied(503) when there is no key and none can be made: why is for the operator alone.
        """
        identity = guest_identity(name)
        try:
            token = self._tokens.sign(identity, self.session_seconds)
        except StartError:
            raise Denied(503, "nobody can sign in now: the log of the server says why") from None
        return Guest(self.verify(token), token)
