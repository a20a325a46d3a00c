"""Trainings outside a search, on the fastest path."""

from __future__ import annotations

import time
from typing import Any

from kerastune_lite._src.keras import session
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def train_for_good(model: Any, seed: int, **arguments: Any) -> dict[str, list[float]]:
    """Train a model as a search would, on the fastest path.

    Args:
        seed: of the order of the samples.
        **arguments: of `model.fit`.

    Returns:
        Its history.
    """
    with (
        session.traced_functions(),
        Dispatcher(True).in_place_of_fit(model, seed, whole=False),
    ):
        history: dict[str, list[float]] = model.fit(verbose=0, **arguments).history
    return history


def seconds_per_epoch(model: Any, seed: int, **arguments: Any) -> float:
    """How long an epoch takes, once the model is traced.

    Args:
        seed, **arguments: as of `train_for_good`.
    """
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.monotonic()))
    train_for_good(model, seed, epochs=2, callbacks=[watch], **arguments)
    return ends[1] - ends[0]
