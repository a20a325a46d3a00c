"""What this machine has, as far as this process may use it: cores and memory."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use."""


def cores() -> int:
    """The number of physical cores that this process may use."""
    count = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        count = min(count, len(os.sched_getaffinity(0)))
    quota, period = (_cgroup("cpu.max") or "max 1").split()
    if quota != "max":
        count = min(count, math.ceil(int(quota) / int(period)))
    return count


def total_memory() -> int:
    """The memory that this process and its workers may use, in bytes."""
    limit = _cgroup("memory.max") or "max"
    total = int(psutil.virtual_memory().total)
    return total if limit == "max" else min(total, int(limit))


def free_memory() -> int:
    """How much of it is free, in bytes."""
    free = int(psutil.virtual_memory().available)
    limit, used = _cgroup("memory.max") or "max", _cgroup("memory.current")
    return free if limit == "max" or used is None else min(free, int(limit) - int(used))


def private_memory(pid: int | None = None) -> int:
    """The memory of a process, without what it shares with others, in bytes; 0 if it has ended.

    Args:
        pid: default: this process.
    """
    with contextlib.suppress(psutil.Error):
        used = psutil.Process(pid).memory_info()
        return int(used.rss - getattr(used, "shared", 0))  # Only Linux knows how much is shared.
    return 0


def _cgroup(name: str) -> str | None:
    with contextlib.suppress(OSError):
        return (_CGROUP / name).read_text().strip()
    return None
