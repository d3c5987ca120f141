"""TLS in front of a Redis, whose certificate can be changed while everybody looks."""

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from tests.support.redis import RedisServer, free_port


class TlsFront:
    """Listens on `port` as localhost; clients should believe `authority`."""

    def __init__(self, directory: Path, server: RedisServer) -> None:
        """Nobody listens before a certificate is shown."""
        self.port = free_port()
        self.authority = directory / "authority.pem"
        self._redis_port = server.port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        self.good = authority.issue_cert("localhost")
        yesterday = datetime.now(UTC) - timedelta(days=1)
        self.expired = authority.issue_cert("localhost", not_after=yesterday)

    async def show(self, certificate: trustme.LeafCert) -> None:
        """End all connections, and show `certificate` from then on."""
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            await self._server.wait_closed()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._redis_port)
        both = {writer, inner_writer}
        self._writers |= both
        await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))
        self._writers -= both


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()
