"""Answers to requests for pages and to calls of the HTTP API, counted and noted."""

from collections.abc import Callable, Iterator

from camrelay.ops.counts import Counts
from camrelay.ops.families import Family, counter

Record = Callable[[str, str, str, int, int, float], None]


class CountedAnswers:
    """Stands where the sites want to report an answer."""

    def __init__(self, record: Record, call_of: Callable[[str], str]) -> None:
        """`record` notes it; `call_of(path)` is one of few names for what was asked for."""
        self._record = record
        self._call_of = call_of
        self._counts = Counts(("page", "200"), ("page", "404"))

    def __call__(  # noqa: PLR0913 (the fields of one line)
        self, method: str, path: str, peer: str, status: int, size: int, seconds: float
    ) -> None:
        """One more answer."""
        self._counts.add(self._call_of(path), str(status))
        self._record(method, path, peer, status, size, seconds)

    def families(self) -> Iterator[Family]:
        """What was counted."""
        yield counter(
            "camrelay_http_answers",
            "Pages and calls of the HTTP API that were answered, by call and status.",
            self._counts.values,
            ("call", "status"),
        )
