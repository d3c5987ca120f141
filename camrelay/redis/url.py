"""Where Redis is, read from a URL. A password in it is never shown, whatever is wrong with it.

redis://[user:password@]host[:port][/database]
rediss://...                                            the same over TLS
unix://[user:password@]/path[?db=database]
redis+sentinel://[user:password@]host[:port],.../master[/database]
rediss+sentinel://...                                   TLS to Sentinels and master
"""

from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from camrelay.core.errors import StartError

REDIS_PORT = 6379
SENTINEL_PORT = 26379
_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")


class Address(NamedTuple):
    """A TCP address; the host is a name or an address."""

    host: str
    port: int

    def __str__(self) -> str:
        """As in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """One Redis: a server at `addresses[0]` or at the socket `path`, or the master that the
    Sentinels at `addresses` know as `master`."""

    addresses: tuple[Address, ...] = ()
    path: str = ""
    master: str = ""
    secure: bool = False
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    database: int = 0

    def channel(self, name: bytes) -> bytes:
        """What a pub/sub channel is called on the server.

        Redis has one set of channels for all databases. Whoever gives two relays a database each
        does not expect them to hear each other.
        """
        return b"%d:%b" % (self.database, name) if self.database else name

    def __str__(self) -> str:
        """The URL without user and password, for people."""
        if self.path:
            return f"unix://{self.path}" + (f"?db={self.database}" if self.database else "")
        scheme = ("rediss" if self.secure else "redis") + ("+sentinel" if self.master else "")
        parts = [",".join(map(str, self.addresses))]
        parts += [self.master] if self.master else []
        parts += [str(self.database)] if self.database else []
        return f"{scheme}://{'/'.join(parts)}"


def parse(text: str, option: str = "--redis (or REDIS_URL)") -> RedisUrl:
    """Read `text`; `option` is where the user wrote it.

    Raises StartError that names the part that is wrong. It shows nothing of the URL but its
    scheme: with a URL that cannot be read nobody knows which part is the password.
    """
    return _Reader(text.strip(), option).read()


class _Reader:
    """Reads one URL."""

    def __init__(self, text: str, option: str) -> None:
        self._text = text
        self._option = option
        scheme, mark, _ = text.partition("://")
        self._scheme = scheme.lower() if mark else ""

    def read(self) -> RedisUrl:
        if self._scheme not in _SCHEMES:
            self._refuse(f"must begin with one of {', '.join(f'{each}://' for each in _SCHEMES)}")
        try:
            parts = urlsplit(self._text)
        except ValueError:
            self._refuse("has a host that cannot be read: write an IPv6 address as [::1]")
        if parts.fragment:
            self._refuse("has a '#': write it as %23 in a password")
        if self._scheme == "unix":
            return self._unix(parts)
        if parts.query:
            self._refuse("has a '?': settings do not belong into it (in a password write %3F)")
        return self._sentinel(parts) if "+sentinel" in self._scheme else self._server(parts)

    def _server(self, parts: SplitResult) -> RedisUrl:
        username, password, hosts = self._credentials(parts.netloc)
        return RedisUrl(
            addresses=(self._address(hosts, REDIS_PORT),),
            secure=self._scheme == "rediss",
            username=username,
            password=password,
            database=self._database(parts.path.strip("/")),
        )

    def _sentinel(self, parts: SplitResult) -> RedisUrl:
        username, password, hosts = self._credentials(parts.netloc)
        master, _, database = parts.path.strip("/").partition("/")
        if not master:
            self._refuse("must end with the name of the master that the Sentinels watch: /mymaster")
        return RedisUrl(
            addresses=tuple(self._address(host, SENTINEL_PORT) for host in hosts.split(",")),
            master=unquote(master),
            secure=self._scheme.startswith("rediss"),
            username=username,
            password=password,
            database=self._database(database),
        )

    def _unix(self, parts: SplitResult) -> RedisUrl:
        username, password, host = self._credentials(parts.netloc)
        if host or parts.path in ("", "/"):
            self._refuse("must hold a whole path after three slashes: unix:///run/redis/redis.sock")
        settings = dict(parse_qsl(parts.query, keep_blank_values=True))
        database = settings.pop("db", "")
        if settings:
            self._refuse("has settings other than ?db= after the path: leave them out")
        return RedisUrl(
            path=unquote(parts.path),
            username=username,
            password=password,
            database=self._database(database),
        )

    def _credentials(self, netloc: str) -> tuple[str, str, str]:
        before, _, hosts = netloc.rpartition("@")
        username, _, password = before.partition(":")
        if username and not password:
            self._refuse("has a user without a password: write user:password@, or :password@")
        return unquote(username), unquote(password), hosts

    def _address(self, text: str, port: int) -> Address:
        try:
            parts = urlsplit(f"//{text}")
            port = port if parts.port is None else parts.port
        except ValueError:
            self._refuse(
                "has a port that is not a number from 1 to 65535 (in a password write '/' as %2F, "
                "'@' as %40, ':' as %3A)"
            )
        if not parts.hostname:
            self._refuse("has no host: write redis://localhost:6379")
        if port == 0:
            self._refuse("has port 0: the usual one is 6379")
        return Address(parts.hostname, port)

    def _database(self, text: str) -> int:
        if text and not (text.isascii() and text.isdigit()):
            self._refuse("has a database that is not a number: write /0 at the end, or nothing")
        return int(text or 0)

    def _refuse(self, remedy: str) -> NoReturn:
        shown = f"{self._scheme}://..." if self._scheme in _SCHEMES else "..."
        raise StartError(self._option, shown, remedy) from None
