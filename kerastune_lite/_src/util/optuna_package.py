"""Optuna, an extra, loaded when it is needed."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

PLOTS = 'pip install "kerastune_lite[plots]"'
"""Optuna and what draws its figures."""

ALONE = 'pip install "kerastune_lite[optuna]"'


def load_optuna(pip: str = PLOTS) -> Any:
    """Optuna itself.

    Args:
        pip: the line that installs what is needed.

    Raises:
        ImportError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # In a notebook tqdm, which Optuna imports, warns of missing ipywidgets.
            warnings.filterwarnings("ignore", message="IProgress not found")
            import optuna
    except ImportError as error:
        raise ImportError(f"This needs Optuna. Install it with: {pip}") from error
    return optuna


@contextlib.contextmanager
def quiet(optuna: Any) -> Iterator[None]:
    """Suppress what Optuna logs of studies and of its samplers' choices."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
