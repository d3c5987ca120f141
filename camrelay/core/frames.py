"""Server-to-client WebSocket frames (RFC 6455 section 5.2): whole, unmasked, uncompressed.

A publication is framed once, whoever receives it; a subscriber only ever sees these bytes.
"""

_TEXT = b"\x81"
_BINARY = b"\x82"


def text_frame(payload: bytes) -> bytes:
    """One whole text message; `payload` is valid UTF-8."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """One whole binary message."""
    return _frame(_BINARY, payload)


def _frame(first: bytes, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return first + size.to_bytes(1, "big") + payload
    if size < 65536:
        return first + b"\x7e" + size.to_bytes(2, "big") + payload
    return first + b"\x7f" + size.to_bytes(8, "big") + payload
