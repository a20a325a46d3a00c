"""Locks for what is not thread-safe: models, and the threads of linear algebra."""

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
        older: the threads that existed when it began to lend. They wait for the end of the turn.
        inner: the turn that the lender and its new threads share.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.lender: threading.Thread | None = None
        self.older: frozenset[threading.Thread] = frozenset()
        self.inner: _Turn | None = None


_TURN = _Turn()


def _own_turn() -> _Turn:
    """The turn that this thread needs."""
    found, this = _TURN, threading.current_thread()
    while True:
        inner = found.inner  # read once: the lender may end it at any moment
        if inner is None or (this in found.older and found.lender is not this):
            return found
        found = inner


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """While it is open, no other thread builds, traces or trains a model.

    Initial weights, `fit`'s shuffling and much else are drawn from the generators of Python, NumPy
    and TensorFlow, and a process has only one of each; determinism is a switch of the process, and
    the records of compiled programs are shared, too. In a thread that holds the turn from the seed
    to the end of the training, numbers are those of a single thread. Little time is lost: small
    networks spend their time in Python, which runs one thread at a time, and TensorFlow uses all
    cores for one model. Code that runs within a turn (`build`, callbacks) must not wait for
    trainings in other threads, because they wait for the turn; use `lent_turn` for that.
    """
    with _own_turn().lock:
        yield


@contextlib.contextmanager
def lent_turn() -> Iterator[None]:
    """Within a turn, for the user's own code, which may train in threads and wait for them.

    Threads that start from now on take turns among themselves and with this one. Those that exist
    already, of another search, still wait for the end of this thread's turn.
    """
    own = _own_turn()
    own.older, own.lender = frozenset(threading.enumerate()), threading.current_thread()
    own.inner = _Turn()
    try:
        yield
    finally:
        own.inner, own.lender, own.older = None, None, frozenset()


def in_turn(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function that only one thread at a time may run; see `turn`."""

    @functools.wraps(function)
    def alone(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with turn():
            return function(*args, **kwargs)

    return alone


class Shared:
    """A context of the whole process that several threads may be in at the same time.

    The first thread enters it and the last one leaves it. If each saved and restored the state of
    the process, it would restore what another thread had set.

    Args:
        make: returns the context manager.
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
    """Do linear algebra with one thread; a context manager and a decorator.

    With a few hundred rows several threads gain nothing: they wait for one another, and where other
    processes use the same cores, as training does, a proposal takes ten times as long. One thread
    also rounds the same way for any number of cores, so the same seed gives the same results on
    similar machines.

    Only one of our threads is in it at a time: some libraries store the limit per process, and the
    first thread to leave would reset it for the others.
    """
    with _LIMITED, _linear_algebra().limit(limits=1):
        yield


_LIMITED = threading.RLock()


@functools.cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries that NumPy and SciPy have loaded; to find them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
