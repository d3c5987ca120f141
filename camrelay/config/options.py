"""The settings as people meet them: a name, a description, and errors in plain words."""

from dataclasses import dataclass
from typing import Any, get_args

import msgspec
from msgspec import inspect

from camrelay.config.model import Settings
from camrelay.core.errors import StartError

ENVIRONMENT_PREFIX = "CAMRELAY_"


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
