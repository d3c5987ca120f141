"""The settings: one model with every default, unit and check.

The command line, the environment, `.env` and `camrelay.toml` only fill it, in this order of
strength. A value that is not allowed stops the start with one line that names it.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from dotenv import dotenv_values
from msgspec import Meta, inspect
from platformdirs import user_data_path

from camrelay.core.access import Level
from camrelay.core.errors import StartError

DEFAULT_FILE = "camrelay.toml"
ENVIRONMENT_PREFIX = "CAMRELAY_"
# Platforms tell every application its port and its Redis by these names.
PLATFORM_NAMES = {"port": "PORT", "redis": "REDIS_URL"}
# They look like settings and are none: camrelay.tac reads its command line from this one.
OTHER_VARIABLES = ("CAMRELAY_ARGS",)


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
    """What one route does in another way than the rest; None is as for the rest."""

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
            "endpoint to listen on, such as tcp:8080 or tls+tcp:8443, or redirect+tcp:80 to lead "
            "people to TLS; with proxy+ in front for the PROXY protocol; may be repeated"
        ),
    ] = ()
    certificate: Annotated[
        str | None, _says("PEM file: certificate and chain (default: a development CA's)")
    ] = None
    certificate_dir: Annotated[
        str | None,
        _says(
            "folder of PEM files NAME.pem, with keys inside or in NAME.key, shown by server name"
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
        _says("PEM file: the authorities that sign clients' certificates, which TLS then asks for"),
    ] = None
    client_certificate: Annotated[
        Literal["required", "optional"] | None,
        _says(
            "whether a client may come without a certificate (default: required with --client-ca)"
        ),
    ] = None
    data_dir: Annotated[
        str | None, _says("where camrelay keeps things (default: the user's data directory)")
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
        _says("URL (redis://, rediss://, unix://) of the Redis that makes several servers one"),
    ] = None
    redis_ca: Annotated[
        str | None, _says("PEM file: the authorities that rediss:// trusts (default: the system's)")
    ] = None
    redis_insecure: Annotated[bool, _says("take any certificate from rediss://")] = False
    message_rate: Annotated[
        Quantity, _says("messages a second and connection, twice that at once; 0 = no limit")
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
        Quantity, _says("bytes a second and connection, twice that at once; 0 = no limit")
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
            "file or https:// URL with the keys of others whose tokens are good; may be repeated"
        ),
    ] = ()
    token_audience: Annotated[str | None, _says("audience (aud) that tokens must be for")] = None
    token_issuer: Annotated[str | None, _says("issuer (iss) that tokens must come from")] = None
    token_leeway: Annotated[
        Annotated[float, Meta(ge=0, le=300)],
        _says("seconds by which the clocks of those who issue tokens may be wrong"),
    ] = 10.0
    session_time: Annotated[
        Annotated[float, Meta(ge=60, le=3.2e7)],
        _says("seconds for which a guest who signed in stays signed in"),
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
        _says("full: with --history sqlite, what was acknowledged outlives a power cut, too"),
    ] = "normal"
    retain: Annotated[
        Quantity, _says("seconds for which a position outlives its camera's connection")
    ] = 0.0
    allowed_origin: Annotated[
        tuple[Origin, ...],
        _says("web origin whose pages may connect too, * for all; may be repeated"),
    ] = ()
    trusted_proxy: Annotated[
        tuple[str, ...],
        _says(
            "network or address of a proxy that is believed when it says who its client is, "
            "or unix; may be repeated"
        ),
    ] = ()
    ping_interval: Annotated[Seconds, _says("seconds between pings on a connection")] = 22.0
    handshake_timeout: Annotated[Seconds, _says("seconds for a client to say what it wants")] = 10.0
    drain_time: Annotated[
        DrainSeconds, _says("seconds over which connections are closed when the server is stopped")
    ] = 5.0
    compression: Annotated[bool, _says("inflate what clients send (permessage-deflate)")] = False
    log_format: Annotated[Literal["text", "json"], _says("text for people, json for machines")] = (
        "text"
    )
    routes: Annotated[
        tuple[RouteSetting, ...],
        _says("routes of your own, tried before the built-in ones (in the file only)"),
    ] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """A setting as the user meets it."""

    name: str
    flag: str
    type: Any
    default: Any
    description: str

    def read(self, value: object, said_as: str) -> Any:
        """`value` checked and converted. Raises StartError that quotes the place it was said."""
        if not self.is_many:
            return self._read_one(value, self.type, said_as)
        values = value.split() if isinstance(value, str) else value
        if not isinstance(values, list | tuple):
            values = [values]
        (item_type, _) = get_args(get_args(self.type)[0])
        return tuple(self._read_one(each, item_type, said_as) for each in values)

    def _read_one(self, value: object, type: Any, said_as: str) -> Any:
        try:
            return msgspec.convert(value, type, strict=False)
        except msgspec.ValidationError as error:
            wanted = _wanted(inspect.type_info(type), error)
            remedy = f"is not allowed, use {wanted}: {self.description}"
            raise StartError(said_as, value, remedy) from None

    @property
    def help(self) -> str:
        """What it is for, and what it is when nobody says."""
        if self.default is None or "default:" in self.description:
            return self.description
        shown = f"{self.default:g}" if isinstance(self.default, float) else self.default
        return f"{self.description} (default: {shown})"

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def is_switch(self) -> bool:
        """It takes no value on the command line."""
        return isinstance(self.default, bool)

    @property
    def is_many(self) -> bool:
        """It may be given several times."""
        return isinstance(self.default, tuple)


def _options() -> dict[str, Option]:
    return {
        field.name: Option(
            name=field.name,
            flag="--" + field.name.replace("_", "-"),
            type=field.type,
            default=field.default,
            description=_description(field.type),
        )
        for field in msgspec.structs.fields(Settings)
    }


def _description(type: Any) -> str:
    for meta in type.__metadata__:
        if meta.description:
            return str(meta.description)
    raise AssertionError(type)


OPTIONS = _options()


def _wanted(type: inspect.Type, error: Exception) -> str:
    """What a setting of `type` takes, in plain words."""
    match type:
        case inspect.Metadata(extra_json_schema={"title": title}):
            return str(title)
        case inspect.Metadata(type=inner) | inspect.UnionType(types=(inner, inspect.NoneType())):
            return _wanted(inner, error)
        case inspect.IntType(ge=least, le=most):
            return f"a whole number{_range(least, most)}"
        case inspect.FloatType(ge=least, le=most):
            return f"a number{_range(least, most)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return " or ".join(map(str, values))
        case inspect.StructType(fields=fields):
            names = ", ".join(field.name for field in fields)
            return f"a table of {names} ({str(error).replace('`', '')})"
        case _:
            return "text"


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return f" of {least} or more"
    return f" from {least} to {most:.0f}"


def load(given: Mapping[str, object], environ: Mapping[str, str], file: str | None) -> Settings:
    """The settings from the command line (`given`), `environ`, `.env` and the file.

    `file` is `camrelay.toml` in the working directory when it is None, if there is one.
    Raises StartError for the first value that is not allowed.
    """
    settings, wrong = survey(given, environ, file)
    if wrong:
        raise wrong[0]
    return settings


def survey(
    given: Mapping[str, object], environ: Mapping[str, str], file: str | None
) -> tuple[Settings, list[StartError]]:
    """As `load`, with everything that is not allowed beside the settings that hold without it."""
    values: dict[str, Any] = {}
    wrong: list[StartError] = []
    for said in _everything_said(given, environ, file, wrong):
        try:
            values[said.name] = said.read()
        except StartError as error:
            wrong.append(error)
    return Settings(**values), wrong


class _Said(NamedTuple):
    """A value for a setting, and the place where somebody wrote it."""

    name: str
    value: object
    place: str

    def read(self) -> Any:
        option = OPTIONS.get(self.name)
        if option is None:
            raise StartError(self.place, self.value, f"is not a setting; they are: {_known()}")
        return option.read(self.value, self.place)


def _everything_said(
    given: Mapping[str, object],
    environ: Mapping[str, str],
    file: str | None,
    wrong: list[StartError],
) -> Iterator[_Said]:
    """The weakest first. A file that cannot be read is added to what is `wrong`."""
    try:
        yield from _in_file(file)
    except StartError as error:
        wrong.append(error)
    yield from _in_environment(_dotenv(), ".env")
    yield from _in_environment(environ, "environment")
    yield from (_Said(name, value, OPTIONS[name].flag) for name, value in given.items())


def _dotenv() -> dict[str, str]:
    path = Path(".env")
    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _in_environment(environ: Mapping[str, str], place: str) -> Iterator[_Said]:
    """What `environ` says; an empty variable says nothing, as container platforms use it."""
    for option in OPTIONS.values():
        for name in (PLATFORM_NAMES.get(option.name), option.variable):
            if name is not None and environ.get(name):
                yield _Said(option.name, environ[name], f"{place} {name}")


def _in_file(file: str | None) -> Iterator[_Said]:
    path = Path(file or DEFAULT_FILE)
    if file is None and not path.exists():
        return
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise StartError("--config", str(path), f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise StartError("--config", str(path), f"is not TOML: {error}") from None
    for key, value in document.items():
        yield _Said(key.replace("-", "_"), value, f"{path}: {key}")


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """What begins with CAMRELAY_ in `environ` or in `.env` and sets nothing: one line for each."""
    known = {name.upper(): option.variable for name, option in OPTIONS.items()}
    found = []
    for place, variables in ((".env", _dotenv()), ("environment", environ)):
        for name in sorted(set(variables).difference(known.values(), OTHER_VARIABLES)):
            if name.startswith(ENVIRONMENT_PREFIX):
                meant = get_close_matches(name.removeprefix(ENVIRONMENT_PREFIX), known, n=1)
                question = f": did you mean {known[meant[0]]}?" if meant else ""
                found.append(f"{place} {name} is not a setting{question}")
    return found


def _known() -> str:
    return ", ".join(name.replace("_", "-") for name in OPTIONS)


def data_directory(settings: Settings) -> Path:
    """Where camrelay keeps things: --data-dir, systemd's state directory, or the user's own."""
    chosen = settings.data_dir or os.environ.get("STATE_DIRECTORY")
    return Path(chosen) if chosen else user_data_path("camrelay")


def admin_endpoint(settings: Settings) -> str | None:
    """Where the operator is answered: --admin, or a socket in systemd's runtime directory."""
    directory = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if settings.admin is not None or not directory:
        return settings.admin
    return f"unix:{directory}/admin.sock"


def largest_message(settings: Settings) -> int:
    """Bytes that a message may have on the route that lets it have most."""
    own = [route.limits.max_message_size or 0 for route in settings.routes]
    return max([settings.max_message_size, *own])


def history_of(settings: Settings) -> str:
    """Where chat is kept. In a cluster nowhere unless asked for: chat would depend on Redis."""
    if settings.history is not None:
        return settings.history
    if settings.redis is not None:
        return "off"
    has_directory = settings.data_dir or os.environ.get("STATE_DIRECTORY")
    return "sqlite" if has_directory else "memory"
