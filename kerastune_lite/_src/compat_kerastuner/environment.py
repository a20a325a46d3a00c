"""The environment variables with which KerasTuner runs a search in several processes."""

from __future__ import annotations

import os

_CHIEF = "KERASTUNER_ORACLE_IP"
"""It makes a process of KerasTuner's a chief or a worker; the others only say which."""

_ALL = (_CHIEF, "KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID")


def check_environment() -> None:
    """Raise if this process is meant to be a chief or a worker of KerasTuner's.

    Each such process would run the whole search, and all of them in the same project.

    Raises:
        RuntimeError: it is.
    """
    if _CHIEF not in os.environ:
        return
    given = {name: os.environ[name] for name in _ALL if name in os.environ}
    raise RuntimeError(
        "A search has no chief and workers that environment variables name: one process searches "
        "and starts its workers itself. Received: "
        f"{', '.join(f'{name}={value}' for name, value in given.items())}. Unset "
        f"{'them' if len(given) > 1 else 'it'}, run the script once, and call search(workers=...) "
        "to use the cores of this machine, or search(runner='ray') to use several machines "
        "(docs/scaling.md)."
    )
