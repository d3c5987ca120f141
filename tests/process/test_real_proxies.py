"""HAProxy and nginx in front of the server, with the settings of docs/proxies.md as they are there.

Only what belongs to one machine is changed: addresses, ports and certificates.
"""

import os
import re
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import websocket

from tests.conftest import StartRelay
from tests.support.certificates import AUTHORITY, issue
from tests.support.process import Process
from tests.support.redis import free_port
from tests.support.server import Server

DOCUMENT = Path(__file__).parents[2] / "docs" / "proxies.md"
CLIENT = "127.0.0.3"  # Linux gives every program all of 127.0.0.0/8
TRUSTED = ("--trusted-proxy", "127.0.0.1")
SECONDS = 10.0
# What Debian has around the settings of a site, in a folder of its own.
NGINX = """
daemon off; pid nginx.pid; error_log stderr; events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
"""


def place(name: str) -> str | None:
    """Where a program is; Debian keeps these where only root looks."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def needs(name: str) -> pytest.MarkDecorator:
    """Skip where it is not installed."""
    return pytest.mark.skipif(not place(name), reason=f"needs {name}: apt-get install {name}")


def documented(word: str, changes: dict[str, str]) -> str:
    """The block of the document with `word` in it; what is to be changed must be there."""
    text = DOCUMENT.read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (block,) = (block for block in blocks if word in block)
    for old, new in changes.items():
        block, count = re.subn(old, new, block)
        assert count, f"{old!r} is not in the document any more"
    return str(block)


@contextmanager
def running(name: str, *options: str, folder: Path, port: int) -> Iterator[Process]:
    """A proxy, once it takes connections."""
    with Process([str(place(name)), *options], folder, dict(os.environ)) as proxy:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), SECONDS).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, proxy.log
                os.sched_yield()
        yield proxy


def check_way_through(server: Server, port: int, authority: Path, room: str) -> None:
    """A client says something through the proxy, and hears it; the log has the client's address.

    Whatever the client itself says about who it is.
    """
    plain = socket.create_connection(("127.0.0.1", port), SECONDS, source_address=(CLIENT, 0))
    trust = ssl.create_default_context(cafile=authority)
    secure = trust.wrap_socket(plain, server_hostname="localhost")
    url, lie = f"wss://localhost:{port}{room}", ["X-Forwarded-For: 192.0.2.1"]
    with closing(websocket.create_connection(url, SECONDS, socket=secure, header=lie)) as client:
        client.send('{"message":"through"}')
        assert client.recv() == '{"message":"through"}'
    server.wait_for_log(rf"connect {room} from {re.escape(CLIENT)}:[0-9]+ as")


def own_authority(folder: Path) -> Path:
    """The file of the authority that has signed the certificates of the proxies."""
    file = folder / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(str(file))
    return file


@needs("haproxy")
def test_haproxy_passes_tls_on(relay_with: StartRelay, tmp_path: Path) -> None:
    """And tells the client in a PROXY header; its checks are no errors, and no lines."""
    server = relay_with("--port", "0", "--listen", "proxy+tls+tcp:0", *TRUSTED)
    behind = server.wait_for_log(r"PROXY protocol https://[^/]*:([0-9]+)/")[1]
    port = free_port()
    changes = {
        r"bind :443": f"bind 127.0.0.1:{port}",
        r"10\.0\.0\.21:8443": f"127.0.0.1:{behind}",
        r" *server two .*\n": "",
        r" check\n": " check inter 100ms\n",
    }
    (tmp_path / "haproxy.cfg").write_text(documented("send-proxy-v2", changes), "ascii")
    with running("haproxy", "-db", "-f", "haproxy.cfg", folder=tmp_path, port=port) as proxy:
        check_way_through(server, port, server.authority, "/ws/chat/tcp")
    assert "WARNING" not in proxy.log
    assert "denied" not in server.log


@needs("haproxy")
def test_haproxy_ends_tls(relay_with: StartRelay, tmp_path: Path) -> None:
    """And tells the client in X-Forwarded-For."""
    server = relay_with(*TRUSTED)
    pem = issue(tmp_path / "relay.pem", "localhost")
    port = free_port()
    changes = {
        r"bind :443": f"bind 127.0.0.1:{port}",
        r"/etc/haproxy/relay\.pem": str(pem),
        r"10\.0\.0\.21:8080": f"127.0.0.1:{server.port}",
        r" *server two .*\n": "",
    }
    (tmp_path / "haproxy.cfg").write_text(documented("option forwardfor", changes), "ascii")
    with running("haproxy", "-db", "-f", "haproxy.cfg", folder=tmp_path, port=port) as proxy:
        check_way_through(server, port, own_authority(tmp_path), "/ws/chat/http")
    assert "WARNING" not in proxy.log
    assert "denied" not in server.log


@needs("nginx")
def test_nginx_ends_tls(relay_with: StartRelay, tmp_path: Path) -> None:
    """And tells the client in X-Forwarded-For."""
    server = relay_with(*TRUSTED)
    pem = issue(tmp_path / "relay.pem", "localhost")
    port = free_port()
    changes = {
        r"listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        r"# ssl_certificate \.\.\.": f"ssl_certificate {pem}; ssl_certificate_key {pem};",
        r"127\.0\.0\.1:8080": f"127.0.0.1:{server.port}",
    }
    site = documented("$connection_upgrade", changes)
    (tmp_path / "nginx.conf").write_text(f"{NGINX}{site}}}\n", "ascii")
    where = ("-e", "stderr", "-p", str(tmp_path), "-c", "nginx.conf")
    with running("nginx", *where, folder=tmp_path, port=port) as proxy:
        check_way_through(server, port, own_authority(tmp_path), "/ws/chat/nginx")
    assert "denied" not in server.log
    assert "error" not in proxy.log
