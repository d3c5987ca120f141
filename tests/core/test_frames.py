"""Server frames, against the bytes of RFC 6455."""

import pytest

from camrelay.core.frames import binary_frame, text_frame


def test_the_single_frame_of_the_rfc() -> None:
    """Section 5.7: an unmasked text message "Hello"."""
    assert text_frame(b"Hello") == bytes([0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])


def test_the_256_bytes_of_the_rfc() -> None:
    """Section 5.7: 256 bytes of binary in a single unmasked frame."""
    payload = bytes(range(256))
    assert binary_frame(payload) == bytes([0x82, 0x7E, 0x01, 0x00]) + payload


def test_the_64_kib_of_the_rfc() -> None:
    """Section 5.7: 64 KiB of binary in a single unmasked frame."""
    payload = bytes(65536)
    head = bytes([0x82, 0x7F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00])
    assert binary_frame(payload) == head + payload


@pytest.mark.parametrize(
    ("size", "length"),
    [
        (0, "00"),
        (1, "01"),
        (125, "7d"),
        (126, "7e 007e"),
        (127, "7e 007f"),
        (65535, "7e ffff"),
        (65536, "7f 0000000000010000"),
        (1 << 24, "7f 0000000001000000"),
    ],
)
def test_a_length_takes_the_fewest_bytes(size: int, length: str) -> None:
    """Section 5.2: 7 bits, 16 bits or 64 bits, in network order, and never more than needed."""
    payload = b"x" * size
    assert text_frame(payload) == b"\x81" + bytes.fromhex(length) + payload
    assert binary_frame(payload) == b"\x82" + bytes.fromhex(length) + payload
