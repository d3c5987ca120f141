"""Chat rooms: `{"message":"hello"}` in, the same to everyone in the room, the sender included."""

import msgspec

from camrelay.core.kinds.kind import Message
from camrelay.core.kinds.strict_json import decode, encode


class ChatLine(msgspec.Struct, frozen=True):
    """One chat message."""

    message: str


class Chat:
    """Relays chat lines; every one counts."""

    newest_counts = False
    private = False
    is_json = True

    def __init__(self, max_size: int = 16384) -> None:
        """`max_size`: bytes of one message."""
        self.max_size = max_size
        self._decoder = msgspec.json.Decoder(ChatLine)

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The message; if the sender gave a name, `[name] ` comes before the text."""
        line = decode(self._decoder, payload, is_binary)
        if user:
            line = ChatLine(f"[{user}] {line.message}")
        return Message(encode(line))
