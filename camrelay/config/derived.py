"""What follows from the settings where they say nothing."""

import os
from pathlib import Path

from platformdirs import user_data_path

from camrelay.config.model import Settings


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
