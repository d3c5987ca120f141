"""Secrets that come along in text which somebody else has made: they have no place in a log.

What is known to be a secret is never logged. This is for the rest: a client that writes "&token="
where "?token=" belongs, an exception that quotes what it was given.
"""

import re

HIDDEN = "(hidden)"

_NAMES = r"(?:token|authorization|cookie|password|passphrase|passwd|secret|(?:api|session)[_-]?key)"
# Most text has none of these, and is let pass at once. An expression that ignores case would take
# seven times as long over the lines of every connection.
_SUSPICIOUS = ("token", "authorization", "cookie", "pass", "secret", "key", "@", "eyj")
_SECRETS = (
    # token=..., also percent-encoded, up to what ends a value in a URL, a cookie or a form
    re.compile(rf"(?i)({_NAMES}(?:=|%3d))[^\s&;,\"'<>]+"),
    # "token": "...", as in JSON and in a dict of Python
    re.compile(rf"(?i)({_NAMES}\\?[\"']\s*:\s*b?\\?[\"'])[^\"'\\]+"),
    # Authorization: Bearer ..., as in the head of a request
    re.compile(r"(?i)\b((?:authorization|cookie):\s*)[^\r\n\\]+"),
    # redis://user:...@host
    re.compile(r"(://[^\s/@:]*:)[^\s/@]+(?=@)"),
    # a JSON Web Token by itself (RFC 7519: three parts, of which the first is a JSON object); it
    # begins where a word begins, or each "eyJ" of a long one would be tried up to its end
    re.compile(r"()(?:(?<![\w-])|(?<=%[\dA-F]{2}))eyJ[\w-]{8,}+\.[\w-]++\.[\w-]*"),
)


def redacted(text: str) -> str:
    """`text` with HIDDEN in place of what looks like a secret."""
    folded = text.casefold()
    if not any(word in folded for word in _SUSPICIOUS):
        return text
    for secret in _SECRETS:
        text = secret.sub(rf"\g<1>{HIDDEN}", text)
    return text
