"""What the latest search of this process was given, to have its validation data once more."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.keras.fit_arguments import FitArguments
from kerastune_lite._src.keras.hypermodel import overrides_fit
from kerastune_lite._src.keras.tuned_data import TunedData, arguments_from
from kerastune_lite._src.tuner.call import SearchCall
from kerastune_lite._src.tuner.training import Training


@dataclasses.dataclass(frozen=True)
class Searched:
    """A call of `search()`; it keeps the data of the user's alive.

    Attributes:
        call: its arguments.
        data_fn: loads its data; None if they are among the arguments.
    """

    call: SearchCall
    data_fn: Callable[[], Any] | None

    @classmethod
    def of(
        cls, call: SearchCall, data_fn: Callable[[], Any] | None, training: Training
    ) -> Searched | None:
        """None if `validation_data` has no use for it, so that no data are kept for nothing."""
        return cls(call, data_fn) if _own_training(training) is None else None


def _own_training(training: Training) -> str | None:
    """The method of the user's that trains; None if we do, and know on what is validated."""
    if training.in_run_trial:
        return "run_trial()"
    hypermodel = training.models.hypermodel
    return f"{type(hypermodel).__name__}.fit()" if overrides_fit(hypermodel) else None


@contextlib.contextmanager
def validation_data(
    searched: Searched | None, training: Training, trials: Sequence[Trial]
) -> Iterator[tuple[Any, Any, Any]]:
    """The samples on which the search validated these trials: (x, y, sample_weight).

    Where functions of the user's make the data, they make them again. What comes in batches brings
    targets and weights, which are None here.

    Args:
        searched: the latest call of `search()` in this process.
        training: the tuner's.
        trials: at least one.

    Raises:
        ValueError: the samples are not there; the message says why.
    """
    own = _own_training(training)
    if own is not None:
        raise ValueError(
            _not_there(f"Your own {own} trained the models, and may have validated on others.")
        )
    if searched is None:
        raise ValueError(
            _not_there("This tuner has not searched in this process, and projects store no data.")
        )
    from kerastune_lite._src.keras.validation_data import NotThere

    data = TunedData(searched.call.data.function, training.checkpoints.folder)
    with contextlib.closing(data) as tuned:
        args, kwargs = _data_of(searched, tuned, trials)
        given = FitArguments(args, {**searched.call.kwargs, **kwargs}, overridden=False)
        try:
            samples = given.validation()
        except NotThere as reason:
            raise ValueError(_not_there(str(reason))) from None
        yield samples


def _data_of(
    searched: Searched, tuned: TunedData, trials: Sequence[Trial]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """The positional arguments of `fit`, and those by name that functions make."""
    if searched.data_fn is not None:
        return arguments_from(searched.data_fn(), "`data_fn`")
    if tuned.function is None:
        return searched.call.args, {}
    made = tuned.made(trials[0].hyperparameters.copy())
    if not all(tuned.has_made(trial.hyperparameters.copy()) for trial in trials[1:]):
        raise ValueError(
            _not_there("They depend on hyperparameters, which differ among the best trials.")
        )
    return made


def _not_there(why: str) -> str:
    return (
        f"Without `x`, ensemble() takes the data on which the search validated. {why} Write "
        "tuner.ensemble(x_val, y_val), with samples that no model was trained on."
    )
