"""The named queues of the HTTP API, with metrics."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from camrelay.core.errors import Rejected
from camrelay.ops.counts import Counts
from camrelay.ops.families import Family, counter
from camrelay.ports import Answer, Queues, Timer


class MeasuredQueues:
    """Keeps the promises of `camrelay.ports.Queues` as well as the queues inside do."""

    def __init__(self, queues: Queues) -> None:
        """Nothing went through yet."""
        self._queues = queues
        self._counts = Counts(("received",), ("sent",))

    def send(self, channel: str, message: bytes, done: Answer[None]) -> None:
        """Put `message` at the end of `channel`."""
        self._queues.send(channel, message, partial(self._answered, "sent", done))

    def receive(self, channel: str, wait: float, done: Answer[bytes | None]) -> Timer:
        """Take the next message."""
        return self._queues.receive(channel, wait, partial(self._answered, "received", done))

    def _answered(self, what: str, done: Callable[[Any], None], answer: object) -> None:
        if isinstance(answer, Rejected):
            what = answer.reason
        elif what == "received" and answer is None:
            what = "nothing"
        self._counts.add(what)
        done(answer)

    def families(self) -> Iterator[Family]:
        """What was counted."""
        yield counter(
            "camrelay_channel_calls",
            "Messages sent to and received from channels over HTTP, by result.",
            self._counts.values,
            ("result",),
        )
