"""Everything that would prevent a start, in the order in which the start would meet it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from camrelay.config import (
    DEFAULT_FILE,
    Settings,
    data_directory,
    history_of,
    survey,
    unknown_variables,
)
from camrelay.net.open_files import hard_limit
from camrelay.redis.trust import Trust
from camrelay.tools.check.certificate import look_at_certificates, needs_development_certificate
from camrelay.tools.check.kept import look_at_history, look_at_keys
from camrelay.tools.check.limits import look_at_limit
from camrelay.tools.check.ports import admin_of, listeners_of, look_at_proxies, try_to_listen
from camrelay.tools.check.routes import look_at_routes
from camrelay.tools.check.storage import look_at_directory
from camrelay.tools.findings import Finding, Level, not_startable, ok, problem, warning
from camrelay.tools.redis_answer import ask_redis


class Examined(NamedTuple):
    """The settings, as far as they are allowed, and what was found."""

    settings: Settings
    findings: list[Finding]


def examine(
    given: Mapping[str, object], environ: Mapping[str, str], file: str | None, running: bool
) -> Examined:
    """Look at the settings from all sources, and then at what they name.

    `running`: a server with these settings is running, so its ports are taken.
    """
    settings, wrong = survey(given, environ, file)
    findings = [not_startable("settings", error) for error in wrong]
    findings += [
        warning("settings", line, "correct or remove it") for line in unknown_variables(environ)
    ]
    if not findings:
        place = file or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else "no file")
        findings.append(ok("settings", f"are all known and allowed ({place})"))
    return Examined(settings, [*findings, *_around(settings, running)])


def _around(settings: Settings, running: bool) -> Iterator[Finding]:
    yield from look_at_routes(settings.routes)
    listeners, unreadable = listeners_of(settings)
    admin, unreadable_admin = admin_of(settings)
    yield from (*unreadable, *unreadable_admin, *look_at_proxies(settings))
    yield from (try_to_listen(listener, running) for listener in (*listeners, *admin))
    yield from look_at_certificates(settings, listeners)
    needed = needs_development_certificate(settings, listeners) or history_of(settings) == "sqlite"
    yield look_at_directory(data_directory(settings), needed)
    yield look_at_history(settings)
    yield from look_at_keys(settings)
    yield look_at_limit(hard_limit(), settings.max_connections)
    if settings.redis is not None:
        authority = Path(settings.redis_ca) if settings.redis_ca else None
        trust = Trust(authority, settings.redis_insecure)
        # The server starts without it, and its rooms are its own until it answers.
        yield ask_redis(settings.redis, trust, silence=Level.WARNING)
    elif settings.workers > 1:
        text = f"--workers {settings.workers} need a Redis that they share"
        yield problem("redis", text, "add --redis URL")
