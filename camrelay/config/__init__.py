"""The settings: one model with every default, unit and check.

The command line, the environment, `.env` and `camrelay.toml` only fill it, in this order of
strength. A value that is not allowed stops the start with one line that names it.
"""

from camrelay.config.derived import admin_endpoint, data_directory, history_of, largest_message
from camrelay.config.model import RouteLimits, RouteSetting, Settings
from camrelay.config.options import OPTIONS, Option
from camrelay.config.reading import DEFAULT_FILE, load, survey, unknown_variables

__all__ = [
    "DEFAULT_FILE",
    "OPTIONS",
    "Option",
    "RouteLimits",
    "RouteSetting",
    "Settings",
    "admin_endpoint",
    "data_directory",
    "history_of",
    "largest_message",
    "load",
    "survey",
    "unknown_variables",
]
