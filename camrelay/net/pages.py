"""Which page answers which path. Every file is read once, at start."""

import hashlib
from html import escape
from importlib.resources import files
from pathlib import PurePath
from string import Template
from typing import NamedTuple, Self
from urllib.parse import unquote_to_bytes

from camrelay.core.errors import Denied
from camrelay.core.names import room_name

_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".svg": b"image/svg+xml",
    ".yaml": b"application/yaml",  # RFC 9512
}

# For programs, and the same for those that read no YAML.
_DOCUMENTS = ("asyncapi.json", "asyncapi.yaml", "openapi.json", "openapi.yaml")


class Page(NamedTuple):
    """What a path answers; `etag` is empty for what must not be kept by anybody."""

    content_type: bytes
    body: bytes
    etag: bytes = b""


class Pages:
    """All pages of the server."""

    def __init__(self, web: dict[str, bytes]) -> None:
        """`web`: the files of camrelay/web by name."""
        pages = {name: _page(name, body) for name, body in web.items()}
        self._fixed = {f"static/{name}": page for name, page in pages.items()} | {
            "": pages["index.html"],
            **{f"api/{name}": pages[name] for name in _DOCUMENTS},
            "camera": pages["camera.html"],
            "chat": pages["chat.html"],
            "favicon.ico": pages["icon.svg"],
            "healthz": Page(b"text/plain; charset=utf-8", b"ok\n"),
        }
        self._rooms = {"camera": pages["camera.html"], "chat": pages["chat_room.html"]}
        self._refusal = Template(web["refusal.html"].decode())

    @classmethod
    def load(cls) -> Self:
        """The pages that camrelay is installed with."""
        found = files("camrelay.web").iterdir()
        return cls({f.name: f.read_bytes() for f in found if PurePath(f.name).suffix in _TYPES})

    def __contains__(self, path: bytes) -> bool:
        """Whether the page at `path` is one of those that are always there."""
        return path.decode("latin-1").strip("/") in self._fixed

    def find(self, path: bytes) -> Page:
        """The page at a percent-encoded `path`, with or without a trailing slash.

        Raises Denied: 404, or 400 for a room name that no socket would accept either.
        """
        try:
            place = unquote_to_bytes(path).decode().strip("/")
        except UnicodeDecodeError:
            raise Denied(400, "the path is not percent-encoded UTF-8") from None
        page = self._fixed.get(place)
        if page is not None:
            return page
        kind, _, room = place.partition("/")
        page = self._rooms.get(kind)
        if page is None:
            raise Denied(
                404,
                "there is no page at this address. If it is the address of a room, open it with a "
                "WebSocket client instead (wss://...).",
            )
        room_name(room)
        return page

    def refusal(self, title: str, text: str) -> Page:
        """A page that says why there is none. `text` may hold what the peer sent."""
        said = text[:1].upper() + text[1:]
        body = self._refusal.substitute(title=escape(title), text=escape(said))
        return Page(_TYPES[".html"], body.encode("utf-8", "backslashreplace"))


def _page(name: str, body: bytes) -> Page:
    etag = b'"%b"' % hashlib.sha256(body).hexdigest()[:20].encode()
    return Page(_TYPES[PurePath(name).suffix], body, etag)
