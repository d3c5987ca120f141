"""What `camrelay check` and `camrelay doctor` find: one line each, for people or for machines."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import click

from camrelay.core.errors import StartError


class Level(IntEnum):
    """How bad it is. The worst of a report is the exit code of its command."""

    OK = 0
    WARNING = 1
    PROBLEM = 2


_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    `subject` is a word or two, the same for every finding about the same thing. `remedy` says what
    to do; it is empty for what is well, and for a text that says it already.
    """

    level: Level
    subject: str
    text: str
    remedy: str = ""

    def line(self) -> str:
        """The finding for a terminal."""
        level = click.style(f"{self.level.name.lower():<8}", fg=_COLOURS[self.level])
        return f"{level} {self.subject:<12} {self.text}" + (self.remedy and f": {self.remedy}")

    def as_json(self) -> dict[str, str]:
        """The finding for a machine."""
        level = self.level.name.lower()
        return {
            "level": level,
            "subject": self.subject,
            "text": self.text,
            "remedy": self.remedy,
        }


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """It works, but not for everybody, or not for long."""
    return Finding(Level.WARNING, subject, text, remedy)


def problem(subject: str, text: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(Level.PROBLEM, subject, text, remedy)


def not_startable(subject: str, error: StartError) -> Finding:
    """What stops the start; the error says what to do."""
    return Finding(Level.PROBLEM, subject, str(error))


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the whole."""
    return max((finding.level for finding in findings), default=Level.OK)


def summary(findings: Iterable[Finding]) -> str:
    """How many of which: "2 problems, 1 warning"."""
    levels = [finding.level for finding in findings]
    counts = [(levels.count(level), level.name.lower()) for level in (Level.PROBLEM, Level.WARNING)]
    told = [f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count]
    return ", ".join(told) or "all is well"


def print_as_json(findings: Iterable[Finding], **more: Any) -> None:
    """One JSON object: the worst level, `more`, and all findings."""
    listed = list(findings)
    document = {"level": worst(listed).name.lower(), **more}
    document["findings"] = [finding.as_json() for finding in listed]
    click.echo(json.dumps(document, indent=2))
