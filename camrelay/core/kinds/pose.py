"""Camera positions: `{"x":1.25,"y":-0.5,"z":3.0}`, up to a hundred a second and camera."""

from typing import Annotated

import msgspec

from camrelay.core.kinds.kind import Message
from camrelay.core.kinds.strict_json import decode, encode

CameraName = Annotated[str, msgspec.Meta(max_length=64)]
# What a Java long holds; a number with a thousand digits is infinite to a phone.
Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class Rotation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit quaternion x, y, z, w; without w, Euler angles in degrees (as Unity prints them)."""

    x: float
    y: float
    z: float
    w: float | None = None


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a camera is. Finite numbers only: msgspec refuses what JSON or a double cannot hold.

    `rotation`: where it looks. `id`: which camera it is, for connections that carry several and
    for viewers that distinguish them. `t`: the sender's own time, passed on unchanged.
    """

    x: float
    y: float
    z: float
    rotation: Rotation | None = None
    id: CameraName | Whole | None = None
    t: Whole | float | None = None


class Pose:
    """Relays positions; unknown fields are dropped, known ones are passed on in a fixed order."""

    newest_counts = True
    private = False
    is_json = True

    def __init__(self, max_size: int = 4096) -> None:
        """`max_size`: bytes of one position."""
        self.max_size = max_size
        self._decoder = msgspec.json.Decoder(Position)

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The position, encoded again so that only validated fields are passed on."""
        position = decode(self._decoder, payload, is_binary)
        key = "" if position.id is None else str(position.id)
        return Message(encode(position), key)
