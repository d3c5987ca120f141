"""What a command to Redis can come to, other than an answer.

LinkError
    NotSent      nothing left this process: it may be tried again, or dropped
    Unanswered   it left, and the link broke before an answer came: nobody knows what it did
    Refused      Redis answered with an error
"""


class LinkError(Exception):
    """A command did not do what it was sent for."""


class NotSent(LinkError):
    """There is no connection, or too much is under way already. Redis knows nothing of it."""


class Unanswered(LinkError):
    """The connection broke, or Redis took too long. The command may or may not have been carried
    out, and may even be carried out later."""


class Refused(LinkError):
    """Redis answered with an error."""

    def __init__(self, text: str) -> None:
        """`text` as Redis says it: "OOM command not allowed when used memory > 'maxmemory'."."""
        super().__init__(text)
        self.code = text.partition(" ")[0]
