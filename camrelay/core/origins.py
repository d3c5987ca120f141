"""Where the page comes from whose script is asking (RFC 6454)."""

from urllib.parse import urlsplit


def is_own(origin: str, host: str) -> bool:
    """Whether a page of `origin` came from the server at `host`, which is given without a port."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname == host.lower().strip("[]")
