"""How many threads NumPy's matrix products take."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import threadpoolctl


@functools.lru_cache(maxsize=1)
def _pools() -> Any:
    # Looking for the libraries takes milliseconds.
    return threadpoolctl.ThreadpoolController()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within it, products are computed by one thread.

    Those of small networks are done sooner than a second thread could begin.
    """
    with _pools().limit(limits=1, user_api="blas"):
        yield
