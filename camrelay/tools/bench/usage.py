"""What the server costs: CPU time and memory of a process and its children, read from /proc."""

import os
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") / 1024
# Fields of /proc/PID/stat after the command name: see proc(5), where they are numbered from 3 on.
_PARENT, _USER_TIME, _SYSTEM_TIME = 4 - 3, 14 - 3, 15 - 3


class ServerUsage:
    """CPU and memory of one process, with all its children and theirs."""

    def __init__(self, pid: int) -> None:
        """Watch process `pid`. Raises ProcessLookupError if there is none."""
        if _stat(pid) is None:
            raise ProcessLookupError(pid)
        self.pid = pid
        self._family = [pid]

    def look_for_children(self) -> None:
        """Find out who belongs to the server now; servers start more processes as they go."""
        children: dict[int, list[int]] = {}
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and (fields := _stat(int(entry.name))):
                children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
        family = [self.pid]
        for pid in family:
            family.extend(children.get(pid, ()))
        self._family = family

    def cpu_seconds(self) -> float:
        """User and system time used so far."""
        ticks = 0
        for pid in self._family:
            if fields := _stat(pid):
                ticks += int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])
        return ticks / _TICKS

    def memory_kib(self) -> float:
        """Resident memory now, in KiB."""
        pages = 0
        for pid in self._family:
            try:
                pages += int((_PROC / str(pid) / "statm").read_text("ascii").split()[1])
            except OSError:
                continue  # it ended a moment ago
        return pages * _PAGE_KIB


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, which may itself contain anything."""
    try:
        return (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
