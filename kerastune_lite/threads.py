"""One thread for small matrices."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from threadpoolctl import ThreadpoolController


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within it, and in functions that it decorates, linear algebra is done by one thread.

    With a few hundred rows several threads gain nothing; they wait for one another instead, and
    where other processes want the same cores, as training does, they wait for long: then a proposal
    takes ten times as long. One thread also rounds alike whatever the number of cores, so that the
    same seed gives the same on other machines of the kind.
    """
    with _linear_algebra().limit(limits=1):
        yield


@functools.cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries that NumPy and SciPy have loaded; to look for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
