"""What the threads of a process share: linear algebra, and a turn for what is not safe in two."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Turn:
    """What the thread that builds, traces or trains a model holds.

    Attributes:
        lock: held by the thread whose turn it is.
        lender: that thread, while it lends its turn; None otherwise.
        older: the threads that there were when it began to lend. They wait for the end of the turn.
        inner: the turn that the lender and its new threads have among themselves.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.lender: threading.Thread | None = None
        self.older: frozenset[threading.Thread] = frozenset()
        self.inner: _Turn | None = None


_TURN = _Turn()


def _own_turn() -> _Turn:
    """The turn that this thread has to have."""
    found, this = _TURN, threading.current_thread()
    while True:
        inner = found.inner  # once: the lender may end it meanwhile
        if inner is None or (this in found.older and found.lender is not this):
            return found
        found = inner


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Within it, no other thread builds, traces or trains a model.

    Initial weights, `fit`'s shuffling and much else are drawn from the generators of Python, NumPy
    and TensorFlow, of which the process has one each; determinism is a switch of the process, and
    programs are made, compared and banned for all threads. In a thread that has the turn, from the
    seed to the end of the training, numbers are those that it gets alone. Little is lost: small
    networks spend their time in Python, which runs one thread at a time, and TensorFlow has all
    cores for one model. Code that runs within a turn (`build`, callbacks) must not wait for
    trainings in other threads: they wait for the turn. It may where the turn is lent.
    """
    with _own_turn().lock:
        yield


@contextlib.contextmanager
def lent_turn() -> Iterator[None]:
    """Within a turn, for code of the user's own that may train in threads and wait for them.

    Threads that begin from now on have turns among themselves, and with this one; those of before,
    another search's, wait for the end of this one's turn as ever.
    """
    own = _own_turn()
    own.older, own.lender = frozenset(threading.enumerate()), threading.current_thread()
    own.inner = _Turn()
    try:
        yield
    finally:
        own.inner, own.lender, own.older = None, None, frozenset()


def in_turn(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, run by one thread at a time; see `turn`."""

    @functools.wraps(function)
    def alone(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with turn():
            return function(*args, **kwargs)

    return alone


class Shared:
    """A context of the whole process that threads may be in at the same time.

    It is entered by the first of them and left by the last: what each finds and puts back on its
    own would be what another had set.

    Args:
        make: a context manager for the first one.
    """

    def __init__(self, make: Callable[[], contextlib.AbstractContextManager[Any]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._inside = 0
        self._opened = contextlib.ExitStack()

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._inside == 0:
                self._opened.enter_context(self._make())
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    self._opened.close()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within it, and in functions that it decorates, linear algebra is done by one thread.

    With a few hundred rows several threads gain nothing; they wait for one another instead, and
    where other processes want the same cores, as training does, they wait for long: then a proposal
    takes ten times as long. One thread also rounds alike whatever the number of cores, so that the
    same seed gives the same on other machines of the kind.

    Only one of ours is in it at a time. Some libraries keep the number for all threads, and the one
    that leaves first would give the others several again; some keep it for each.
    """
    with _LIMITED, _linear_algebra().limit(limits=1):
        yield


_LIMITED = threading.RLock()


@functools.cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries that NumPy and SciPy have loaded; to look for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
