"""Whom to believe at the other end of rediss://."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates are believed: those of the authorities in `authority` (PEM), by default
    those that the system trusts. `insecure`: those of everybody."""

    authority: Path | None = None
    insecure: bool = False
