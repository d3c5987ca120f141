"""Where settings come from: the command line, the environment, `.env` and the file."""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from dotenv import dotenv_values

from camrelay.config.model import Settings
from camrelay.config.options import ENVIRONMENT_PREFIX, OPTIONS
from camrelay.core.errors import StartError

DEFAULT_FILE = "camrelay.toml"
# Platforms tell every application its port and its Redis by these names.
PLATFORM_NAMES = {"port": "PORT", "redis": "REDIS_URL"}
# They look like settings and are none: camrelay.tac reads its command line from this one.
OTHER_VARIABLES = ("CAMRELAY_ARGS",)


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
