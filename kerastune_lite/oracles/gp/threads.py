"""One thread for small matrices."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

_Method = TypeVar("_Method", bound=Callable[..., Any])


def on_one_thread(method: _Method) -> _Method:
    """`method`, with the linear algebra in it done by one thread.

    With a few hundred rows several threads gain nothing; they wait for one another instead, and
    where other processes want the same cores, as training does, they wait for long: then a proposal
    takes ten times as long. One thread also rounds alike whatever the number of cores, so that the
    same seed proposes the same on other machines of the kind.
    """

    @functools.wraps(method)
    def limited(*args: Any, **kwargs: Any) -> Any:
        with _linear_algebra().limit(limits=1):
            return method(*args, **kwargs)

    return limited  # type: ignore[return-value]


@functools.cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries that NumPy and SciPy have loaded; to look for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
