"""What the figures were taken on."""

import os
import platform
import re
import subprocess
from pathlib import Path


def describe() -> dict[str, str]:
    """CPU, kernel, memory, system, and the commit of this checkout."""
    return {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "commit": _commit(),
    }


def _cpu() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    return found[1] if found else platform.machine()


def _memory() -> str:
    found = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text("utf-8"))
    return f"{int(found[1]) / 1024**2:.0f} GiB" if found else "unknown"


def _commit() -> str:
    completed = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    return completed.stdout.strip() or "unknown"
