"""Close frames: which ones a peer may send (RFC 6455 sections 5.5.1 and 7.4)."""


def close_frame_failure(code: int | None, reason: bytes | None) -> tuple[int, bytes] | None:
    """The code and the reason to fail a close frame with; None when it is valid.

    Codes 1012 to 1014 were registered with IANA after the RFC.
    """
    if code is not None and not (1000 <= code <= 1014 or 3000 <= code <= 4999):
        return 1002, b"invalid close code"
    if code in (1004, 1005, 1006):
        return 1002, b"reserved close code"
    try:
        (reason or b"").decode()
    except UnicodeDecodeError:
        return 1007, b"the close reason is not UTF-8"
    return None
