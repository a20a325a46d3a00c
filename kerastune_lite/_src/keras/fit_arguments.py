"""The arguments of `search()`, which are those of `fit`: checked once, completed for each trial."""

from __future__ import annotations

import copy
import difflib
import functools
import inspect
import logging
import types
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.goals import Guide
from kerastune_lite._src.core.objective import DefaultObjective, Objective
from kerastune_lite._src.keras.data_checks import Needs, check_data
from kerastune_lite._src.keras.fresh_split import FreshSplits, can_be_ordered
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.not_finite import explanation
from kerastune_lite._src.keras.tuned_data import TunedData
from kerastune_lite._src.space.domains import Fixed
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError

logger = logging.getLogger(__name__)

FIT_HYPERPARAMETERS = ("batch_size", "epochs")
"""Hyperparameters of these names are passed to `model.fit`."""

_MAKERS = (types.FunctionType, types.MethodType, functools.partial)

_OF_SEARCH = (
    "callbacks",
    "verbose",
    "fast",
    "workers",
    "runner",
    "resources_per_worker",
    "trial_timeout",
    "checkpoint_interval",
    "data_fn",
    "data",
    "confirm",
)
"""The arguments of `search()` that are not passed on to `fit`."""

_PARALLEL = ("job", "worker", "parallel", "process")
"""In the names that other tools have for `workers`."""

_SAMPLES = ("x", "y", "sample_weight")
"""The arguments of `fit` that have a row for each sample."""

_DATA = 2
"""How many arguments of `fit` (x and y) may stay positional."""


class FitArguments:
    """Positional and keyword arguments for `fit`.

    Args:
        args, kwargs: as `search()` received them, without its `callbacks` and `verbose`.
        overridden: whether the user's HyperModel has its own `fit`, which receives the arguments
            unchanged and unchecked.
        named: hyperparameters that were declared outside `build(hp)`: they have an effect even if
            `build` does not declare them.
        in_run_trial: whether the user's own `run_trial` passes the arguments on; it may have used
            `batch_size` and `epochs` itself.
        data: makes the data of trials, if that is tuned.

    Raises:
        FatalTypeError: `model.fit` does not accept the arguments.
    """

    def __init__(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        overridden: bool,
        named: Collection[str] = (),
        in_run_trial: bool = False,
        data: TunedData | None = None,
    ) -> None:
        self.args = tuple(args)
        self.kwargs = dict(kwargs)
        self.overridden = overridden
        self.data = data
        self._named = named
        self._in_run_trial = in_run_trial
        self._warned: set[str] = set()
        self._given: dict[str, Any] = {}
        self._found: str | None = None
        self._splits = FreshSplits()
        if not overridden:
            self._bind()

    def _bind(self) -> None:
        signature = inspect.signature(load_keras().Model.fit)
        try:
            bound = signature.bind(None, *self.args, **self.kwargs)
        except TypeError as error:
            raise FatalTypeError(
                f"search() takes the arguments of model.fit(): {error}.{self._meant(signature)}"
            ) from None
        self._given = dict(list(bound.arguments.items())[1:])
        positional = list(self._given)[: len(self.args)]
        for name in ("verbose", "callbacks"):
            if name in positional:
                raise FatalTypeError(
                    f"search() takes `{name}` by name only. Received {len(self.args)} positional "
                    f"arguments: write {name}=..."
                )
        # Further ones are passed by name, so that a hyperparameter can replace a None.
        self.args = self.args[:_DATA]
        self.kwargs.update((name, self._given[name]) for name in positional[_DATA:])

    def made(self, hp: HyperParameters) -> FitArguments:
        """These arguments, with the data for `hp` if that is tuned.

        Raises:
            FatalError: the user's function returned something else than data.
            Exception: what that function raises.
        """
        if self.data is None:
            return self
        args, kwargs = self.data.made(hp)
        if not args and not kwargs:
            return self
        twice = sorted(kwargs.keys() & self.kwargs.keys())
        if twice:
            raise FatalValueError(
                f"An argument of fit() comes either from make_data(hp) or from search(). Received "
                f"{twice} from both: leave it out in one of them."
            )
        kwargs = {**self.kwargs, **kwargs}
        made = FitArguments(args, kwargs, self.overridden, self._named, self._in_run_trial)
        made._warned, made._splits = self._warned, self._splits
        return made

    def relocated(self, folder: Path) -> FitArguments:
        """The same, for a machine on which the project's folder is `folder`."""
        other = copy.copy(self)
        other.data = None if self.data is None else self.data.relocated(folder)
        return other

    def _meant(self, signature: inspect.Signature) -> str:
        """A sentence with the argument that was meant by one that does not exist."""
        for name in self.kwargs.keys() - signature.parameters.keys():
            if any(word in name for word in _PARALLEL):
                return " To train in several processes, write workers=4."
            known = [*_OF_SEARCH, *list(signature.parameters)[1:]]
            for meant in difflib.get_close_matches(name, known, 1):
                return f" Did you mean `{meant}`?"
        return ""

    def check(self, space: Space, objective: Objective, scheduled: bool = False) -> None:
        """Raise if the arguments would fail in every trial.

        Args:
            scheduled: whether a scheduler decides how long trials train.

        Raises:
            FatalValueError: they would; the message says how to correct them.
        """
        if self.overridden:
            return
        if isinstance(objective, DefaultObjective):
            raise FatalValueError(
                "model.fit() reports several metrics, so the tuner must know which one counts. "
                'Received: objective=None. Write objective="val_loss", or override '
                "HyperModel.fit() or Tuner.run_trial() and return a float to minimise."
            )
        if self._given.get("x") is None:
            raise FatalValueError(
                "search() needs the data to train on, as model.fit() does. Received no `x`: write "
                "tuner.search(x, y, validation_split=0.2)."
            )
        for name in FIT_HYPERPARAMETERS:
            domains = [parameter.domain for parameter in space.named(name)]
            if scheduled and all(isinstance(domain, Fixed) for domain in domains):
                self._warned.add(name)  # it is not tuned: nothing is drawn in vain
            elif domains:
                self._in_force(name, self._given["x"], scheduled)
        self._check_generators()
        self._check_validation(objective)

    def check_data(self, needs: Needs) -> None:
        """Raise if the data would fail in every trial."""
        if not self.overridden:
            check_data(self._given, needs)

    def why_not_finite(self) -> str:
        """Possible causes of a NaN loss; the data is examined once per search."""
        if self._found is None:
            args = {f"argument {place}": value for place, value in enumerate(self.args)}
            self._found = explanation(self._given or {**args, **self.kwargs})
        if self._found:
            return f"{self._found}."
        x = self._given.get("x")
        if x is None or isinstance(x, _MAKERS) or _brings_batches(x):
            return "The learning rate may be too high, or there may be NaN in the data."
        return "No NaN was found in the data; the learning rate may be too high."

    def _in_force(self, name: str, x: Any, scheduled: bool) -> bool:
        """Whether a hyperparameter becomes the argument of its name; if not, it is logged once."""
        given = self._given.get(name)
        if name == "epochs" and scheduled:
            instead = "the search decides for how many epochs each trial is trained"
        elif given is not None:
            instead = f"search() received {name}={given!r}, which counts"
        elif name == "batch_size" and _brings_batches(x):
            instead = f"the data comes in batches already ({type(x).__name__})"
        else:
            return True
        if not self._in_run_trial and name not in self._warned:
            self._warned.add(name)
            logger.warning(
                "The hyperparameter %r has no effect on model.fit(): %s. It is drawn and recorded "
                "nevertheless. Remove it from build(hp), or let it decide.",
                name,
                instead,
            )
        return False

    def _check_generators(self) -> None:
        for name, steps in (("x", "steps_per_epoch"), ("validation_data", "validation_steps")):
            is_generator = isinstance(self._given.get(name), types.GeneratorType)
            if is_generator and self._given.get(steps) is None:
                raise FatalValueError(
                    "A generator is used up by the first trial. Pass a function that makes a new "
                    f"one for each execution ({name}=make_generator, without calling it), a "
                    f"tf.data.Dataset, a PyDataset, or {steps}= if it never ends."
                )

    def _check_validation(self, objective: Objective) -> None:
        split, x = self._given.get("validation_split"), self._given["x"]
        validated = bool(split) or self._given.get("validation_data") is not None
        needed = [name for name in objective.names if name.startswith("val_")]
        if needed and not validated:
            what = "The metric" if isinstance(objective, Guide) else "The objective"
            raise FatalValueError(
                f"{what} {needed[0]!r} is measured on validation data. Received neither "
                "`validation_data` nor `validation_split`: write "
                "tuner.search(x, y, validation_split=0.2)."
            )
        if split and _brings_batches(x) and self._given.get("validation_data") is None:
            raise FatalValueError(
                "`validation_split` works for arrays only, not for data that comes in batches "
                f"({type(x).__name__}). Received: validation_split={split!r}. Pass "
                "validation_data= instead."
            )

    @property
    def makes_data(self) -> bool:
        """Whether functions of the user's make the data anew for each execution."""
        made = [*self.args[:1], self.kwargs.get("x"), self.kwargs.get("validation_data")]
        return any(isinstance(each, _MAKERS) for each in made)

    def close(self) -> None:
        """Forget the data that were made for trials."""
        self._splits.clear()
        if self.data is not None:
            self.data.close()

    @property
    def validation_share(self) -> float | None:
        """The part of the samples that validates, if it can be another one; None if it cannot."""
        share, x = self._given.get("validation_split"), self._given.get("x")
        if not share or self._given.get("validation_data") is not None or isinstance(x, _MAKERS):
            return None
        return (
            float(share) if can_be_ordered([self._given.get(name) for name in _SAMPLES]) else None
        )

    @property
    def validates_every_epoch(self) -> bool:
        """Whether validation metrics are measured in each epoch."""
        return self._given.get("validation_freq", 1) == 1

    def validation(self) -> tuple[Any, Any, Any]:
        """The samples on which `fit` validates: (x, y, sample_weight).

        Raises:
            NotThere: there are none, or they cannot be read again.
        """
        from kerastune_lite._src.keras.validation_data import validation_samples

        given = dict(self._given)
        source = "x" if given.get("validation_data") is None else "validation_data"
        given[source] = _made(given.get(source))
        return validation_samples(given)

    def default_epochs(self, epochs: int) -> None:
        """Train for this many epochs unless the user gave another number."""
        if not self.overridden and self._given.get("epochs") is None:
            self._given["epochs"] = self.kwargs["epochs"] = epochs

    def for_execution(
        self, hp: HyperParameters, end_epoch: int | None = None, place: float | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments for one execution, with fresh data and the tuned fit arguments.

        Args:
            hp: as `build` left it; what `build` did not declare this time is not passed on.
            end_epoch: train to this epoch (excluded), as a scheduler decided; it overrides
                `epochs`.
            place: where the validation samples begin, in [0, 1); None: where the user has put them.
        """
        if self.overridden:
            kwargs = dict(self.kwargs)
            if end_epoch is not None:
                kwargs["epochs"] = end_epoch
            return self.args, kwargs
        args = tuple(_made(value) if i == 0 else value for i, value in enumerate(self.args))
        kwargs = dict(self.kwargs)
        if place is not None and self.validation_share is not None:
            given = [self._given.get(name) for name in _SAMPLES]
            moved = dict(zip(_SAMPLES, self._splits.ordered(given, self.validation_share, place)))
            args = tuple(moved[name] for name in _SAMPLES[: len(args)])
            kwargs.update((name, moved[name]) for name in kwargs.keys() & moved.keys())
        for name in kwargs.keys() & {"x", "validation_data"}:
            kwargs[name] = _made(kwargs[name])
        x = args[0] if args else kwargs.get("x")
        asked = hp.used_values()
        for name in FIT_HYPERPARAMETERS:
            declared = name in asked or (name in self._named and name in hp)
            if declared and self._in_force(name, x, end_epoch is not None):
                kwargs[name] = hp.get(name)
        if self._given.get("shuffle") is None and _keeps_its_order(x):
            # Otherwise Keras warns that it does not shuffle.
            kwargs["shuffle"] = False
        if end_epoch is not None:
            kwargs["epochs"] = end_epoch
        return args, kwargs


def _made(value: Any) -> Any:
    """`value`, or what it returns if it is a function that makes data."""
    return value() if isinstance(value, _MAKERS) else value


def _brings_batches(x: Any) -> bool:
    return isinstance(x, load_keras().utils.PyDataset) or _keeps_its_order(x)


def _keeps_its_order(x: Any) -> bool:
    """Whether `x` comes in batches that Keras cannot shuffle."""
    if isinstance(x, types.GeneratorType):
        return True
    kinds = ("DatasetV2", "DistributedDataset", "DataLoader")
    return any(kind.__name__ in kinds for kind in type(x).__mro__)
