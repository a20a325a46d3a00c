"""What Windows does otherwise: files in use, names of files, groups of processes, closed pipes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WINDOWS = os.name == "nt"

_PATIENCE = 1.0
"""Seconds that another program may have a file open: a reader, or a scanner for viruses."""

_BETWEEN = 0.02

_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9¹²³])[ ]*(\..*)?", re.I)
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')


def patiently(action: Callable[[], None]) -> None:
    """Rename or delete a file; on Windows wait for a moment if another program has it open.

    Raises:
        OSError: it cannot be done.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return action()
        except PermissionError:
            if not WINDOWS or time.monotonic() >= end:
                raise
        time.sleep(_BETWEEN)


def discard(path: Path) -> None:
    """Delete a file that takes up space and does no harm.

    One that is in use, which Windows does not delete, stays: the next search tidies up.
    """
    with contextlib.suppress(FileNotFoundError, PermissionError):
        path.unlink()


def own_group() -> dict[str, Any]:
    """Arguments of `subprocess.Popen` for a process that Ctrl-C in this terminal does not reach."""
    if WINDOWS:
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200)}
    return {"start_new_session": True}


def reader_is_gone(error: OSError) -> bool:
    """Whether nobody reads the standard output any more, which has two names on Windows."""
    if isinstance(error, BrokenPipeError):
        return True
    return WINDOWS and error.errno == errno.EINVAL and error.filename is None


def why_no_name(name: str) -> str | None:
    """Why a file or folder cannot be called so on Windows; None if it can.

    Args:
        name: with or without folders before it.
    """
    for part in re.split(r"[\\/]", name):
        if part in ("", ".", ".."):
            continue
        if found := _FORBIDDEN.search(part):
            return f"{found[0]!r} cannot be in the name of a file"
        if _DEVICES.fullmatch(part):
            return f"{part!r} is the name of a device"
        if part[-1] in " .":
            return "the name of a file cannot end with a space or a dot"
    return None
