"""Trainings outside of trials, on the fastest path."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerastune_lite._src.keras import session
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


@contextlib.contextmanager
def fast_fit(model: Any) -> Iterator[None]:
    """Within it, `model.fit` takes the fastest path that gives its result.

    The order of samples follows from NumPy's generator, which users may have seeded.
    """
    seed = int(np.random.randint(2**31))
    with session.traced_functions(), Dispatcher(True).in_place_of_fit(model, seed, whole=True):
        yield


def seconds_per_epoch(model: Any, **arguments: Any) -> float:
    """How long an epoch takes, once the model is traced.

    Args:
        **arguments: of `model.fit`.
    """
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.monotonic()))
    with fast_fit(model):
        model.fit(epochs=2, callbacks=[watch], verbose=0, **arguments)
    return ends[1] - ends[0]
