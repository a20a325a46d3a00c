"""What this machine has, as far as this process may use it: cores and memory."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says what groups of processes may use (version 2 of control groups)."""

_MEMBERSHIP = Path("/proc/self/cgroup")
"""Where it says in which group this process is."""


def cores() -> int:
    """The number of physical cores that this process may use."""
    count = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        count = min(count, len(os.sched_getaffinity(0)))
    for group in _groups():
        quota, period = (_read(group / "cpu.max") or "max 1").split()
        if quota != "max":
            count = min(count, math.ceil(int(quota) / int(period)))
    return count


def total_memory() -> int:
    """The memory that this process and its workers may use, in bytes."""
    limits = [_read(group / "memory.max") or "max" for group in _groups()]
    total = int(psutil.virtual_memory().total)
    return min([total, *(int(limit) for limit in limits if limit != "max")])


def free_memory() -> int:
    """How much of it is free, in bytes."""
    free = int(psutil.virtual_memory().available)
    for group in _groups():
        limit, used = _read(group / "memory.max") or "max", _read(group / "memory.current")
        if limit != "max" and used is not None:
            free = min(free, int(limit) - int(used))
    return free


def private_memory(pid: int | None = None) -> int:
    """The memory of a process, without what it shares with others, in bytes; 0 if it has ended.

    Args:
        pid: default: this process.
    """
    with contextlib.suppress(psutil.Error):
        used = psutil.Process(pid).memory_info()
        return int(used.rss - getattr(used, "shared", 0))  # Only Linux knows how much is shared.
    return 0


def kill_children(pid: int) -> None:
    """End the processes that a process has started, and those that they have started."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # It has ended meanwhile.
                child.kill()


def _groups() -> list[Path]:
    """The folders of the control groups that this process is in, the innermost first."""
    # "0::/system.slice/job_7"; in a container the outermost group has limits, too.
    place = (_read(_MEMBERSHIP) or "").rpartition("::")[2].lstrip("/")
    group = _CGROUP / place
    return [folder for folder in (group, *group.parents) if folder.is_relative_to(_CGROUP)]


def _read(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return path.read_text().strip()
    return None
