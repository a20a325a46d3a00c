"""A call of `model.fit`, its arguments by name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


class Unsuitable(Exception):
    """This call is left to `model.fit`; the message says why, to follow upon a colon."""


@dataclasses.dataclass(frozen=True)
class FitCall:
    """The arguments of `model.fit`, with its defaults."""

    x: Any = None
    y: Any = None
    batch_size: int | None = None
    epochs: int = 1
    verbose: Any = "auto"
    callbacks: Any = None
    validation_split: float = 0.0
    validation_data: Any = None
    shuffle: Any = True
    class_weight: Any = None
    sample_weight: Any = None
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: Any = 1

    def validates_after(self, epoch: int) -> bool:
        """Whether there is a validation after `epoch`, counted from 0."""
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq


_NAMES = [field.name for field in dataclasses.fields(FitCall)]


def bound(args: Sequence[Any], kwargs: Mapping[str, Any]) -> FitCall:
    """The call `model.fit(*args, **kwargs)`.

    Raises:
        Unsuitable: `fit` takes an argument that is not known here, or these do not fit it.
    """
    signature = inspect.signature(keras.Model.fit)
    try:
        arguments = signature.bind(None, *args, **kwargs).arguments
    except TypeError:
        raise Unsuitable("arguments that fit() does not take") from None
    given = dict(list(arguments.items())[1:])
    unknown = [name for name in given if name not in _NAMES]
    if unknown:
        raise Unsuitable(f"the argument {unknown[0]}")
    return FitCall(**given)


def check_supported(call: FitCall) -> None:
    """Refuse what the fast paths do not do.

    Raises:
        Unsuitable: with the reason.
    """
    for name in ("steps_per_epoch", "validation_steps"):
        if getattr(call, name) is not None:
            raise Unsuitable(name)
    for limit in ("max_epochs", "max_steps_per_epoch"):
        if getattr(keras.config, limit, lambda: None)() is not None:
            raise Unsuitable(f"keras.config.set_{limit}")
    if call.shuffle not in (True, False, "batch"):
        raise Unsuitable(f"shuffle={call.shuffle!r}")
    for name in ("batch_size", "validation_batch_size"):
        size = getattr(call, name)
        if size is not None and not (isinstance(size, int) and size > 0):
            raise Unsuitable(f"{name}={size!r}")
    if not isinstance(call.validation_freq, (int, list, tuple, set)):
        raise Unsuitable(f"validation_freq={call.validation_freq!r}")
    if isinstance(call.validation_freq, int) and call.validation_freq < 1:
        raise Unsuitable(f"validation_freq={call.validation_freq!r}")
    if isinstance(call.callbacks, keras.callbacks.CallbackList):
        raise Unsuitable("a CallbackList of the user's own")
