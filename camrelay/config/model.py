"""The model of the settings: every default, unit and check."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from camrelay.core.access import Level

PortNumber = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=0)]
WorkerCount = Annotated[int, Meta(ge=1, le=256)]
MessageSize = Annotated[int, Meta(ge=1024, le=1 << 24)]
Quantity = Annotated[float, Meta(ge=0, le=1e9)]
Seconds = Annotated[float, Meta(ge=0.1, le=3600)]
DrainSeconds = Annotated[float, Meta(ge=0, le=3600)]
# As browsers write it (RFC 6454, 6.2): in lower case and without a path, or it would never match.
Origin = Annotated[
    str,
    Meta(
        pattern=r"^(\*|https?://[^/?#\sA-Z]+)\Z",
        title="an origin such as https://app.example, or *",
    ),
]


class RouteLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The limits of one route; where one is None, that of the server holds."""

    message_rate: Quantity | None = None
    byte_rate: Quantity | None = None
    max_message_size: MessageSize | None = None
    garbage_rate: Quantity | None = None
    retain: Quantity | None = None
    members: Count | None = None
    ids: Annotated[int, Meta(ge=1)] | None = None
    unread_bytes: Annotated[int, Meta(ge=1024)] | None = None
    unread_messages: Annotated[int, Meta(ge=1)] | None = None


class RouteSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """One `[[routes]]` of the file: a path pattern, a kind, and the options of the kind.

    `access`, `subscribe` and `publish` say who may use it: see camrelay.core.access. `room`, such
    as `/inbox/{user}`, is the room of all its paths. `history` messages of a room are kept, for
    `history_age` seconds; None is 1000 for the kind chat and none for all others.
    """

    path: str
    kind: str
    options: dict[str, Any] = {}
    access: Level = "open"
    subscribe: tuple[str, ...] | None = None
    publish: tuple[str, ...] | None = None
    room: str | None = None
    history: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    history_age: Annotated[float, Meta(gt=0, le=3.2e9)] = 86400.0
    limits: RouteLimits = RouteLimits()


def _says(description: str) -> Meta:
    return Meta(description=description)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an operator can decide."""

    port: Annotated[
        PortNumber | None,
        _says("TCP port, 0 for a free one (default: 8443 with TLS, 8080 without)"),
    ] = None
    tls: Annotated[bool, _says("serve https:// and wss:// on the port")] = False
    listen: Annotated[
        tuple[str, ...],
        _says(
            "endpoint to listen on, such as tcp:8080 or tls+tcp:8443, or redirect+tcp:80 to "
            "redirect to TLS; the prefix proxy+ is for the PROXY protocol; may be repeated"
        ),
    ] = ()
    certificate: Annotated[
        str | None, _says("PEM file: certificate and chain (default: one of a development CA)")
    ] = None
    certificate_dir: Annotated[
        str | None,
        _says(
            "folder of PEM files NAME.pem, with keys inside or in NAME.key; each client gets the "
            "one for the server name that it asks for"
        ),
    ] = None
    private_key: Annotated[
        str | None, _says("PEM file with the key (default: in the certificate's file)")
    ] = None
    private_key_passphrase_file: Annotated[
        str | None, _says("file with the passphrase of the key")
    ] = None
    client_ca: Annotated[
        str | None,
        _says("PEM file: authorities; clients then need a certificate signed by one of them"),
    ] = None
    client_certificate: Annotated[
        Literal["required", "optional"] | None,
        _says(
            "whether clients need a certificate, required or optional "
            "(default: required with --client-ca)"
        ),
    ] = None
    data_dir: Annotated[
        str | None,
        _says("folder for certificates, keys and history (default: the user's data directory)"),
    ] = None
    admin: Annotated[
        str | None,
        _says(
            "endpoint for status, metrics and drain, such as unix:/run/camrelay/admin.sock or "
            "tcp:9443:interface=127.0.0.1 (default: under systemd, in the runtime directory)"
        ),
    ] = None
    admin_anywhere: Annotated[
        bool, _says("let other machines reach --admin; whoever does can stop the server")
    ] = False
    workers: Annotated[
        WorkerCount, _says("processes that share the port; more than 1 need --redis")
    ] = 1
    redis: Annotated[
        str | None,
        _says("URL (redis://, rediss://, unix://) of the Redis that several servers share"),
    ] = None
    redis_ca: Annotated[
        str | None, _says("PEM file: the authorities that rediss:// trusts (default: the system's)")
    ] = None
    redis_insecure: Annotated[bool, _says("accept any certificate from rediss://")] = False
    message_rate: Annotated[
        Quantity,
        _says("messages per second for each connection, in bursts of twice that; 0 = no limit"),
    ] = 250.0
    connections_per_address: Annotated[
        Count, _says("connections from one address, for each worker; 0 = no limit")
    ] = 500
    max_connections: Annotated[
        Count | None,
        _says("connections of one worker (default: what the limit on open files allows)"),
    ] = None
    max_message_size: Annotated[MessageSize, _says("bytes of one message from a client")] = 65536
    byte_rate: Annotated[
        Quantity,
        _says("bytes per second for each connection, in bursts of twice that; 0 = no limit"),
    ] = float(4 << 20)
    members_per_room: Annotated[
        Count, _says("members that a room may have on all servers; 0 = no limit")
    ] = 0
    connections_per_identity: Annotated[
        Count, _says("connections of one signed-in user, for each worker; 0 = no limit")
    ] = 50
    jwks: Annotated[
        tuple[str, ...],
        _says(
            "file or https:// URL with the keys of another issuer whose tokens are accepted; "
            "may be repeated"
        ),
    ] = ()
    token_audience: Annotated[str | None, _says("audience (aud) that tokens must be for")] = None
    token_issuer: Annotated[str | None, _says("issuer (iss) that tokens must come from")] = None
    token_leeway: Annotated[
        Annotated[float, Meta(ge=0, le=300)],
        _says("seconds by which the clock of a token's issuer may differ"),
    ] = 10.0
    session_time: Annotated[
        Annotated[float, Meta(ge=60, le=3.2e7)],
        _says("seconds for which a guest stays signed in"),
    ] = 604800.0
    history: Annotated[
        Literal["off", "memory", "sqlite", "redis"] | None,
        _says(
            "where chat is kept: off, memory, sqlite or redis "
            "(default: sqlite with --data-dir, off with --redis, memory otherwise)"
        ),
    ] = None
    history_sync: Annotated[
        Literal["normal", "full"],
        _says("full: with --history sqlite, acknowledged messages survive a power failure, too"),
    ] = "normal"
    retain: Annotated[
        Quantity, _says("seconds for which the last position of a disconnected camera is kept")
    ] = 0.0
    allowed_origin: Annotated[
        tuple[Origin, ...],
        _says("other web origin whose pages may connect, * for all; may be repeated"),
    ] = ()
    trusted_proxy: Annotated[
        tuple[str, ...],
        _says(
            "network or address of a proxy whose X-Forwarded-For or PROXY header is believed, "
            "or unix; may be repeated"
        ),
    ] = ()
    ping_interval: Annotated[Seconds, _says("seconds between pings on a connection")] = 22.0
    handshake_timeout: Annotated[
        Seconds, _says("seconds within which a client must send its request")
    ] = 10.0
    drain_time: Annotated[
        DrainSeconds, _says("seconds over which connections are closed when the server is stopped")
    ] = 5.0
    compression: Annotated[
        bool, _says("accept compressed messages from clients (permessage-deflate)")
    ] = False
    log_format: Annotated[Literal["text", "json"], _says("text for people, json for machines")] = (
        "text"
    )
    routes: Annotated[
        tuple[RouteSetting, ...],
        _says("routes of your own, tried before the built-in ones (in the file only)"),
    ] = ()
