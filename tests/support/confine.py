"""Run a command under the restrictions of a unit, as far as that goes without systemd.

    python confine.py CALLS FAMILIES WRITABLE COMMAND...

CALLS: the system calls that work, with commas; FAMILIES: the address families of sockets, by
number. All other calls and sockets fail with EPERM, as under systemd. The root of the file system
and the working directory are read-only, but for the directory WRITABLE. The user is an ordinary
one, without capabilities, and cannot get any. This needs user namespaces, but no root.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

ALLOW = 0x7FFF0000
FAIL = 0x00050000 | errno.EPERM
EQUAL = 4
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
ORDINARY_USER = 1000

libc = ctypes.CDLL(None, use_errno=True)


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def check(what: str, result: int) -> None:
    """End with a word when a call failed."""
    if result:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")


def become_ordinary() -> None:
    """User= and PrivateUsers=yes: what is ours stays ours, under another number."""
    user, group = os.geteuid(), os.getegid()
    check("unshare", libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/uid_map").write_text(f"{ORDINARY_USER} {user} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{ORDINARY_USER} {group} 1", "ascii")


def make_read_only(writable: str) -> None:
    """ProtectSystem=strict, for this process alone."""
    here = os.getcwd()
    mount("/", MS_REC | MS_PRIVATE)
    for path, flags in (
        (here, 0),
        (here, MS_REMOUNT | MS_RDONLY),
        (writable, 0),
        ("/", MS_REMOUNT | MS_RDONLY),
    ):
        mount(path, flags | MS_BIND)
    os.chdir(here)


def mount(path: str, flags: int) -> None:
    """mount(2), of a directory onto itself."""
    place = path.encode()
    check(f"mount {path}", libc.mount(place, place, None, flags, None))


def filter_calls(allowed: list[str], families: list[int]) -> None:
    """SystemCallFilter=, RestrictAddressFamilies= and SystemCallErrorNumber=EPERM."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(FAIL))
    for name in allowed:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # not on this machine's architecture
            continue
        if name != "socket":
            seccomp.seccomp_rule_add(context, ALLOW, number, 0)
            continue
        for family in families:
            first = Comparison(0, EQUAL, family, 0)
            seccomp.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.byref(first))
    check("seccomp_load", seccomp.seccomp_load(context))


if __name__ == "__main__":
    calls, families, writable, *command = sys.argv[1:]
    become_ordinary()
    make_read_only(writable)
    check("no_new_privs", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    filter_calls(calls.split(","), [int(family) for family in families.split(",")])
    os.execv(command[0], command)
