"""Hypothesis strategies for what a client sends: good frames, bad frames, cut into segments.

A stream begins with good frames, most of them whole, small, masked text as nearly every message is.
Then come a few of any kind, or hardly a stream would live long enough to be of interest.
"""

import zlib

from hypothesis import strategies as st

from tests.support.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
    frame_head,
)

LIMIT = 1024
"""The longest message that the receiver is expected to take."""

MASKS = st.sampled_from([b"\x37\xfa\x21\x3d", b"\0\0\0\0", b"\xff\xff\xff\xff", b"{\x7f\x80\0"])
TEXTS = st.one_of(
    st.just('{"x":1.25,"y":-0.5,"z":3.0}'),
    st.text(max_size=20),
    st.builds(lambda letter, size: letter * size, st.sampled_from("xé日😀"), st.integers(29, 64)),
    st.sampled_from([1, 2, 3, 4, 5, 124, 125, 126, 127, LIMIT - 1, LIMIT]).map("x".__mul__),
).map(str.encode)
NOT_UTF8 = st.builds(
    lambda before, bad, after: before + bad + after,
    TEXTS,
    st.sampled_from(
        [
            *(b"\xff", b"\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
            *(b"\xc3", b"\xe6\x97", b"\xf0\x9f\x98"),  # begun, and not finished
        ]
    ),
    TEXTS,
)
SHORT = st.one_of(TEXTS, NOT_UTF8, st.binary(max_size=20)).map(lambda data: data[:125])


# Good frames


@st.composite
def fragmented(draw: st.DrawFn) -> bytes:
    """One message in several frames, cut anywhere, sometimes with control frames in between."""
    data = draw(TEXTS)
    opcode = draw(st.sampled_from([TEXT, TEXT, BINARY]))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), min_size=1, max_size=4)))
    said = []
    for start, end in zip([0, *cuts], cuts, strict=False):
        said.append(frame(opcode, data[start:end], fin=False, mask=draw(MASKS)))
        said.append(draw(st.one_of(st.just(b""), CONTROL)))
        opcode = CONTINUATION
    return b"".join([*said, frame(opcode, data[cuts[-1] :], mask=draw(MASKS))])


COMMON = st.builds(lambda text, mask: frame(TEXT, text, mask=mask), TEXTS, MASKS)
CONTROL = st.builds(frame, st.sampled_from([PING, PONG]), SHORT)
GOOD = st.one_of(
    COMMON,
    COMMON,
    COMMON,
    CONTROL,
    fragmented(),
    st.just(frame(TEXT)),
    st.builds(lambda data, mask: frame(BINARY, data, mask=mask), SHORT, MASKS),
)


@st.composite
def deflated(draw: st.DrawFn) -> bytes:
    """A compressed message (RFC 7692), sometimes ended in the style of WebSocketSharp."""
    deflater = zlib.compressobj(wbits=-15)
    packed = deflater.compress(draw(TEXTS)) + deflater.flush(zlib.Z_SYNC_FLUSH)
    ending = draw(st.sampled_from([b"", b"\x03\0"]))
    return frame(draw(st.sampled_from([TEXT, BINARY])), packed[:-4] + ending, rsv=4)


# Bad frames


@st.composite
def badly_deflated(draw: st.DrawFn) -> bytes:
    """A bomb, or something that does not inflate, or that is no text."""
    deflater = zlib.compressobj(wbits=-15)
    data = draw(st.one_of(st.just(bytes(100 * LIMIT)), NOT_UTF8))
    packed = deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH)
    packed = packed[: len(packed) - draw(st.integers(0, 6))]
    return frame(TEXT, packed, rsv=4, fin=draw(st.booleans()))


@st.composite
def badly_fragmented(draw: st.DrawFn) -> bytes:
    """Fragments in any order, with anything in between, that may never end."""
    parts = st.builds(
        lambda opcode, data, fin: frame(opcode, data, fin=fin),
        st.sampled_from([CONTINUATION, CONTINUATION, TEXT, BINARY]),
        st.one_of(TEXTS, NOT_UTF8),
        st.booleans(),
    )
    return b"".join(draw(st.lists(st.one_of(parts, parts, CONTROL, COMMON), max_size=5)))


ODD = st.builds(
    lambda opcode, data, fin, rsv, mask, width: frame(
        opcode, data, fin=fin, rsv=rsv, mask=mask, length_bytes=width
    ),
    st.integers(0, 15),
    st.one_of(TEXTS, NOT_UTF8),
    st.booleans(),
    st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 6, 7]),
    st.none() | MASKS,
    st.sampled_from([None, None, 2, 8]),
)
BAD = st.one_of(
    ODD,
    badly_fragmented(),
    st.builds(lambda text, mask: frame(TEXT, text, mask=mask), NOT_UTF8, MASKS),
    st.builds(lambda text, more: frame(TEXT, text, mask=None) + more, TEXTS, COMMON | TEXTS),
    st.builds(lambda begun, other: frame(TEXT, begun, fin=False) + other, TEXTS, COMMON),
    st.builds(lambda text, width: frame(TEXT, text, length_bytes=width), TEXTS, st.just(8)),
    st.builds(lambda text, rsv: frame(TEXT, text, rsv=rsv), TEXTS, st.integers(1, 7)),
    st.builds(lambda size: frame(TEXT, b"x" * size), st.sampled_from([LIMIT + 1, 2 * LIMIT])),
    st.builds(
        lambda opcode, size: frame_head(opcode, size, length_bytes=8),
        st.sampled_from([TEXT, BINARY, CONTINUATION, PING]),
        st.sampled_from([125, LIMIT + 1, 65536, 2**31, 2**63 - 1, 2**63, 2**64 - 1]),
    ),
    st.builds(lambda data, keep: data[:keep], GOOD, st.integers(1, 30)),
    st.binary(max_size=30),
)
CLOSES = st.one_of(
    st.builds(close_frame, st.none() | st.sampled_from([1000, 1001, 3000, 4999])),
    st.builds(
        close_frame,
        st.sampled_from([0, 999, 1000, 1004, 1005, 1011, 1016, 4000, 5000, 65535]),
        SHORT.map(lambda reason: reason[:123]),
    ),
    st.just(frame(CLOSE, b"\x03")),
)


# Streams


@st.composite
def streams(draw: st.DrawFn, *, compressed: bool = False) -> bytes:
    """Good frames, and then perhaps a few of any kind."""
    good = st.one_of(GOOD, deflated()) if compressed else GOOD
    bad = st.one_of(BAD, badly_deflated()) if compressed else BAD
    said = draw(st.lists(good, max_size=12))
    said += draw(st.lists(st.one_of(good, bad, CLOSES), max_size=4))
    return b"".join(said)


@st.composite
def segments(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """`data` as it arrives: all in one, in a few pieces, or a few bytes at a time."""
    cuts = draw(
        st.one_of(
            st.just([]),
            st.lists(st.integers(0, len(data)), max_size=12).map(sorted),
            st.integers(1, 40).map(lambda step: list(range(step, len(data), step))),
        )
    )
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
