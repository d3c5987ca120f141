"""Answers to requests for pages and to calls of the HTTP API, counted and noted."""

from collections.abc import Callable, Iterator

from camrelay.ops.counts import Counts
from camrelay.ops.families import Family, counter
from camrelay.ports import Answered

Record = Callable[[Answered], None]


class CountedAnswers:
    """Called by the sites for each answer: counts it and passes it to the journal."""

    def __init__(self, record: Record, call_of: Callable[[str], str]) -> None:
        """`record` notes it; `call_of(path)` is one of few names for what was asked for."""
        self._record = record
        self._call_of = call_of
        self._counts = Counts(("page", "200"), ("page", "404"))

    def __call__(self, answered: Answered) -> None:
        """One more answer."""
        self._counts.add(self._call_of(answered.path), str(answered.status))
        self._record(answered)

    def families(self) -> Iterator[Family]:
        """What was counted."""
        yield counter(
            "camrelay_http_answers",
            "Answers to pages and API calls, by call and status.",
            self._counts.values,
            ("call", "status"),
        )
