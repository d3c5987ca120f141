"""The URL to examine, taken apart."""

from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, urlsplit

from camrelay.core.errors import StartError

_SCHEMES = {"ws": False, "http": False, "wss": True, "https": True}
_EXAMPLE = "write wss://relay.example/ws/camera"
# Where a URL without a path is examined: the room that every camrelay has.
DEFAULT_PATH = "/ws/camera"


@dataclass(frozen=True, slots=True)
class Target:
    """A place to connect to. `host` is as in DNS or an address; `path` has the query with it."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, url: str) -> Self:
        """Take `url` apart. Raises StartError for one that no client could use."""
        try:
            parts = urlsplit(url)
            port = parts.port
            host = (parts.hostname or "").encode("idna").decode()
        except ValueError as error:
            raise StartError("URL", url, f"cannot be read ({error}): {_EXAMPLE}") from None
        if parts.scheme not in _SCHEMES or not host:
            raise StartError("URL", url, f"is not the address of a server: {_EXAMPLE}")
        secure = _SCHEMES[parts.scheme]
        path = quote(parts.path if parts.path.strip("/") else DEFAULT_PATH, safe="/%:@!$&'()*+,;=~")
        query = f"?{parts.query}" if parts.query else ""
        return cls(secure, host, port or (443 if secure else 80), path + query)

    @property
    def authority(self) -> str:
        """Host and port as browsers write them: the usual port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What a page of this server says in its Origin header (RFC 6454 section 6.2)."""
        return f"{'https' if self.secure else 'http'}://{self.authority}"

    @property
    def shown_path(self) -> str:
        """The path for people: without the query, in which tokens travel."""
        return self.path.partition("?")[0]

    @property
    def url(self) -> str:
        """The address for people, without the query too."""
        return f"{'wss' if self.secure else 'ws'}://{self.authority}{self.shown_path}"

    def with_other_security(self) -> Self:
        """The same place with TLS instead of without, or the other way round."""
        return replace(self, secure=not self.secure)

    def with_other_slash(self) -> Self:
        """The same room, written with a slash at its end, or without the one it has."""
        path, mark, query = self.path.partition("?")
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        return replace(self, path=other + mark + query)
