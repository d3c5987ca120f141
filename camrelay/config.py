"""The settings: one model with every default, unit and check.

The command line, the environment, `.env` and `camrelay.toml` only fill it, in this order of
strength. A value that is not allowed stops the start with one line that names it.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from dotenv import dotenv_values
from msgspec import Meta, inspect
from platformdirs import user_data_path

from camrelay.core.errors import StartError

DEFAULT_FILE = "camrelay.toml"
ENVIRONMENT_PREFIX = "CAMRELAY_"
# Platforms tell every application its port and its Redis by these names.
PLATFORM_NAMES = {"port": "PORT", "redis": "REDIS_URL"}


PortNumber = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=0)]
WorkerCount = Annotated[int, Meta(ge=1, le=256)]
MessageSize = Annotated[int, Meta(ge=1024, le=1 << 24)]
Quantity = Annotated[float, Meta(ge=0, le=1e9)]
Seconds = Annotated[float, Meta(ge=0.1, le=3600)]
# As browsers write it (RFC 6454, 6.2): in lower case and without a path, or it would never match.
Origin = Annotated[
    str,
    Meta(
        pattern=r"^(\*|https?://[^/?#\sA-Z]+)\Z",
        title="an origin such as https://app.example, or *",
    ),
]


class RouteSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[routes]]` of the file: a path pattern, a kind, and the options of the kind."""

    path: str
    kind: str
    options: dict[str, Any] = {}


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
        _says("endpoint to listen on, such as tcp:8080 or tls+tcp:8443; may be repeated"),
    ] = ()
    certificate: Annotated[
        str | None, _says("PEM file: certificate and chain (default: a development CA's)")
    ] = None
    private_key: Annotated[
        str | None, _says("PEM file with the key (default: in the certificate's file)")
    ] = None
    private_key_passphrase_file: Annotated[
        str | None, _says("file with the passphrase of the key")
    ] = None
    data_dir: Annotated[
        str | None, _says("where camrelay keeps things (default: the user's data directory)")
    ] = None
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
    retain: Annotated[
        Quantity, _says("seconds for which a position outlives its camera's connection")
    ] = 0.0
    allowed_origin: Annotated[
        tuple[Origin, ...],
        _says("web origin whose pages may connect too, * for all; may be repeated"),
    ] = ()
    ping_interval: Annotated[Seconds, _says("seconds between pings on a connection")] = 22.0
    handshake_timeout: Annotated[Seconds, _says("seconds for a client to say what it wants")] = 10.0
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
    values = {
        **_from_file(file),
        **_from_environment(_dotenv(), ".env"),
        **_from_environment(environ, "environment"),
        **{name: OPTIONS[name].read(value, OPTIONS[name].flag) for name, value in given.items()},
    }
    return Settings(**values)


def _dotenv() -> dict[str, str]:
    path = Path(".env")
    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _from_environment(environ: Mapping[str, str], place: str) -> dict[str, Any]:
    """What `environ` says; an empty variable says nothing, as container platforms use it."""
    values = {}
    for option in OPTIONS.values():
        for name in (PLATFORM_NAMES.get(option.name), ENVIRONMENT_PREFIX + option.name.upper()):
            if name is not None and environ.get(name):
                values[option.name] = option.read(environ[name], f"{place} {name}")
    return values


def _from_file(file: str | None) -> dict[str, Any]:
    path = Path(file or DEFAULT_FILE)
    if file is None and not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise StartError("--config", str(path), f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise StartError("--config", str(path), f"is not TOML: {error}") from None
    values = {}
    for key, value in document.items():
        option = OPTIONS.get(key.replace("-", "_"))
        if option is None:
            raise StartError(f"{path}: {key}", value, f"is not a setting; they are: {_known()}")
        values[option.name] = option.read(value, f"{path}: {key}")
    return values


def _known() -> str:
    return ", ".join(name.replace("_", "-") for name in OPTIONS)


def data_directory(settings: Settings) -> Path:
    """Where camrelay keeps things: --data-dir, systemd's state directory, or the user's own."""
    chosen = settings.data_dir or os.environ.get("STATE_DIRECTORY")
    return Path(chosen) if chosen else user_data_path("camrelay")
