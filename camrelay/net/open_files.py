"""Connections are open files: how many the system allows, and room for them from the start."""

import fcntl
import os
import resource

from camrelay.core.doorman import COURTESY

# Open files that are not connections: log, Redis, DNS, the reactor's own.
RESERVED = 64

# Room for more is made when they come; this much costs half a megabyte of the kernel's memory.
_MOST_AT_ONCE = 65_536


def hard_limit() -> int | None:
    """What the process may open at most; None without a limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard


def raise_limit() -> None:
    """Allow this process all that its hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connections_within(hard: int) -> int:
    """How many connections a limit on open files leaves room for; at least 1."""
    return max(1, hard - RESERVED - COURTESY)


def make_room(connections: int) -> None:
    """Have the kernel's table of this process's open files hold so many connections (0: no limit).

    The table doubles when it is full (256, 512, 1,024, ... files). In a process with threads the
    kernel then waits until every processor has seen the new one (`expand_fdtable` in Linux'
    fs/file.c calls `synchronize_rcu`): 10 to 20 ms in which the reactor serves nobody. The highest
    file decides, so one is opened up there, and closed again; the table stays.
    """
    wanted = connections + RESERVED + COURTESY if connections else _MOST_AT_ONCE
    files = min(wanted, hard_limit() or wanted, _MOST_AT_ONCE)
    lowest = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.close(fcntl.fcntl(lowest, fcntl.F_DUPFD_CLOEXEC, files - 1))
    finally:
        os.close(lowest)
