"""The ways in which a command to Redis can fail.

LinkError
    NotSent      nothing left this process: it may be tried again, or dropped
    Unanswered   it left, and the link broke before an answer came: nobody knows what it did
    Refused      Redis answered with an error
"""

import re


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
        text = _FROM_A_SCRIPT.sub("", text)
        super().__init__(text)
        self.code = text.partition(" ")[0]


# How Redis 6 begins an error that a command in a script ran into.
_FROM_A_SCRIPT = re.compile(
    r"^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?"
)
