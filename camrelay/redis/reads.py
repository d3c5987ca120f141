"""The requests of members for the history of one room."""

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from camrelay.core.history import Page
from camrelay.ports import Answer
from camrelay.redis.errors import LinkError
from camrelay.redis.ledger import Ledger
from camrelay.redis.shared import NOT_READ, Shared
from camrelay.redis.state import in_words

Part = tuple[int | None, int]


class Reads:
    """Reads each part only once, however many members ask for it.

    A thousand phones that reconnect at the same time have missed the same messages.
    """

    def __init__(self, ledger: Ledger, shared: Shared) -> None:
        """Nothing was asked."""
        self._ledger = ledger
        self._shared = shared
        self._waiting: dict[Part, list[Answer[Page]]] = {}

    def read(self, after: int | None, limit: int, done: Answer[Page]) -> None:
        """See History; the answer has everything that was stored before the call."""
        part = (after, limit)
        if part in self._waiting:
            self._waiting[part].append(done)
        else:
            self._waiting[part] = [done]
            self._shared.reads.enter(partial(self._read, part))

    def _read(self, part: Part) -> Deferred[Any]:
        waiting = self._waiting.pop(part)  # who asks from now on may want something newer
        page = self._ledger.read(*part, self._shared.clock.unix())
        return page.addCallbacks(
            self._answer, self._refuse, callbackArgs=(waiting,), errbackArgs=(waiting,)
        )

    def _answer(self, page: Page, waiting: list[Answer[Page]]) -> None:
        for done in waiting:
            self._shared.call(done, page)

    def _refuse(self, failure: Failure, waiting: list[Answer[Page]]) -> None:
        failure.trap(LinkError)
        for done in waiting:
            self._shared.refuse(done, NOT_READ, in_words(failure))
