"""What the API answers: JSON, and errors with a code that does not change."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from twisted.internet.defer import Deferred

from camrelay.core.errors import Denied, Rejected
from camrelay.core.kinds.strict_json import encode
from camrelay.net.refusal import CHALLENGE

_T = TypeVar("_T")

JSON = "application/json"

_CODES = {
    400: "bad-request",
    401: "not-signed-in",
    403: "not-allowed",
    404: "not-found",
    405: "wrong-method",
    411: "no-length",
    413: "too-large",
    415: "wrong-content-type",
    429: "too-many",
    500: "internal-error",
    503: "unavailable",
}
# What was refused for a reason: 422, unless there is a better word for it.
_STATUS_OF_REASON = {
    "too-large": 413,
    "not-stored": 503,
    "no-queue": 503,
    "full": 503,
    "internal-error": 500,
}


class Answer(NamedTuple):
    """A whole answer to a call."""

    body: bytes
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = {}


def in_json(value: object, status: int = 200, **headers: str) -> Answer:
    """`value` as JSON; `headers` with `_` for each `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(encode(value) + b"\n", status=status, headers=named)


def problem(status: int, code: str, detail: str, **headers: str) -> Answer:
    """An error: `code` is for programs, `detail` for people."""
    return in_json({"error": {"code": code, "detail": detail}}, status, **headers)


def denied(refusal: Denied) -> Answer:
    """Who asks may not, or not here, or not so often."""
    headers = {}
    if refusal.status == 401:
        headers["WWW_Authenticate"] = CHALLENGE
    if refusal.retry_after is not None:
        headers["Retry_After"] = str(refusal.retry_after)
    return problem(refusal.status, _CODES.get(refusal.status, "refused"), refusal.text, **headers)


def rejected(rejection: Rejected) -> Answer:
    """What was said cannot be used, or cannot be stored."""
    status = _STATUS_OF_REASON.get(rejection.reason, 422)
    return problem(status, rejection.reason, rejection.detail)


def settle(waiting: Deferred[_T], answer: _T | Rejected) -> None:
    """Give `waiting` what it waits for; a Rejected is its failure."""
    if isinstance(answer, Rejected):
        waiting.errback(answer)
    else:
        waiting.callback(answer)
