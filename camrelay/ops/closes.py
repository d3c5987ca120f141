"""Close codes and reasons as labels of metrics: few, whatever peers send."""

from collections.abc import Mapping

from camrelay.core import errors

_OURS: Mapping[errors.CloseReason, str] = {
    errors.INTERNAL_ERROR: "error",
    errors.SLOW_CONSUMER: "slow-consumer",
    errors.GARBAGE_FLOOD: "garbage-flood",
    errors.FRAME_FLOOD: "frame-flood",
    errors.TOKEN_EXPIRED: "token-expired",
    errors.KEY_RETIRED: "key-retired",
    errors.NOT_SIGNED_IN: "not-signed-in",
    errors.NOT_ALLOWED: "not-allowed",
}
_BY_WORDS = {(reason.code, reason.text): name for reason, name in _OURS.items()}
_GOING_AWAY = errors.going_away(0).text.partition(":")[0]

# RFC 6455 section 7.4.1, whoever of the two said it.
_BY_CODE = {
    1000: "normal",
    1001: "left",
    1002: "protocol-error",
    1003: "unsupported",
    1007: "not-utf8",
    1008: "policy",
    1009: "too-large",
    1011: "error",
}

EXPECTED = (
    *(("none", "lost"), ("1xxx", "drain")),
    *((f"{code // 1000}xxx", name) for code, name in _BY_CODE.items()),
    *((f"{reason.code // 1000}xxx", name) for reason, name in _OURS.items()),
)


def labels_of(code: int | None, text: str) -> tuple[str, str]:
    """The class of the code ("1xxx", or "none" without a close frame) and the reason."""
    if code is None:
        return "none", "lost"
    reason = _BY_WORDS.get((code, text)) or _BY_CODE.get(code, "other")
    if code == 1001 and text.startswith(_GOING_AWAY):
        reason = "drain"
    return f"{code // 1000}xxx", reason
