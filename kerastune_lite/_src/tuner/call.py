"""The arguments of one call of `search()`."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastune_lite._src.keras.hypermodel import accepts, has_parameter
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.search.settings import described_fit_arguments
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.checksums import checksums


@dataclasses.dataclass(frozen=True)
class SearchCall:
    """The arguments of `Tuner.search`; see there.

    Attributes:
        args, kwargs: those of `fit`.
        data: makes the data, if that is tuned; remembers steps.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    callbacks: Any
    verbose: Any
    fast: bool
    checkpoint_interval: float | None
    data: TunedData

    def __post_init__(self) -> None:
        seconds = self.checkpoint_interval
        if seconds is None:
            return
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float, np.number)):
            raise TypeError(
                "`checkpoint_interval` is a number of seconds, or None. Received: "
                f"checkpoint_interval={seconds!r}."
            )
        if not seconds >= 0:
            raise ValueError(
                "`checkpoint_interval` must be at least 0. Received: "
                f"checkpoint_interval={seconds}. None keeps no state in mid-training."
            )

    def check_one_source(self, data_fn: Callable[[], Any] | None) -> None:
        """Raise unless there is one source of data.

        Args:
            data_fn: loads data that is not tuned.

        Raises:
            ValueError: there are several.
        """
        if self.data.function is None:
            return
        others = {"data_fn=": data_fn is not None, "x": bool(self.args) or "x" in self.kwargs}
        found = [name for name, given in others.items() if given]
        if found:
            raise ValueError(
                "The data comes from one source: `data=make_data`, if it has hyperparameters, or "
                f"the other arguments of search(). Received `data` and {' and '.join(found)}. Let "
                "make_data(hp) return all of it."
            )

    def with_default_data(self, space: Space) -> SearchCall:
        """The same with the data of the default values, if it is tuned."""
        if self.data.function is None:
            return self
        args, kwargs = self.data.made(HyperParameters(space))
        return dataclasses.replace(self, args=args, kwargs={**self.kwargs, **kwargs})

    @property
    def verbose_of_fit(self) -> int:
        """What `fit` gets: 0 silent, 2 a line per epoch."""
        return 2 if self.verbose == 3 else 0

    def described(self, function: Callable[..., Any], before: int) -> dict[str, Any]:
        """Shapes and checksums as JSON, to notice whether a later call differs.

        Args:
            function: receives the arguments.
            before: how many other arguments it takes before them.
        """
        parameters = list(inspect.signature(function).parameters.values())[before:]
        names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][: len(self.args)]
        names += [f"argument {place}" for place in range(len(names), len(self.args))]
        return {
            "fit": described_fit_arguments(self.args, self.kwargs),
            "data": checksums({**dict(zip(names, self.args)), **self.kwargs}, described=True),
        }

    def tensorboard_directories(self) -> list[Path]:
        """Where the user's own TensorBoard callbacks write."""
        if self.callbacks is None:
            return []
        from kerastune_lite._src.keras.callbacks import tensorboard_directories

        return tensorboard_directories(self.callbacks)


def takes_data(receiver: Callable[..., Any], data: Any) -> bool:
    """Whether the argument `data` of `search()` is for the user's own code, unchanged.

    Args:
        receiver: the user's `run_trial` or `fit`, or `model_fit`.
        data: as the user passed it.
    """
    return has_parameter(receiver, "data") or (accepts(receiver, "data") and not callable(data))


def process_settings() -> Any:
    """What the user has set for the whole process, if Keras is loaded."""
    if "keras" not in sys.modules:
        return None
    from kerastune_lite._src.keras.process_settings import ProcessSettings

    return ProcessSettings.of_this_process()


def model_fit(x: Any, y: Any) -> None:
    """Has the parameter names of `model.fit`, without loading Keras."""


def reduced_dataset(value: Any) -> tuple[Any, ...] | None:
    """How to send a `tf.data.Dataset` to another process; None if `value` is none."""
    if "tensorflow" not in sys.modules:
        return None
    from kerastune_lite._src.keras.dataset_graphs import reduced

    return reduced(value)
