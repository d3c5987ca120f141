"""Raw text rooms: any text in, the same text to everyone in the room."""

from camrelay.core.kinds.kind import Message, refuse_binary


class Text:
    """Relays text as it is; every message counts."""

    newest_counts = False
    private = False
    is_json = False

    def __init__(self, max_size: int = 16384) -> None:
        """`max_size`: bytes of one message."""
        self.max_size = max_size

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The text; when the sender gave a name, `[name] ` comes before it."""
        text = refuse_binary(payload, is_binary)
        return Message(b"[" + user.encode() + b"] " + text if user else text)
