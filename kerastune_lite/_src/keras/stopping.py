"""When a training ends early: it does not improve, or the time is over."""

from __future__ import annotations

import time
from typing import Any

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


class StopAt(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Ends a training after the epoch in which a moment has passed.

    Args:
        deadline: in seconds, of `time.monotonic()`.
    """

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the clock."""
        if time.monotonic() >= self.deadline:
            self.model.stop_training = True


def stopping_callbacks(patience: int, seconds: float | None) -> list[Any]:
    """Callbacks for a search.

    Args:
        patience: epochs without a smaller validation loss.
        seconds: from now; None: any time.
    """
    found: list[Any] = [keras.callbacks.EarlyStopping("val_loss", patience=patience, mode="min")]
    if seconds is not None:
        found.append(StopAt(time.monotonic() + seconds))
    return found
