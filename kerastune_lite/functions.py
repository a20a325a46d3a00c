"""Searching for the arguments of a function that has nothing to do with Keras."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from kerastune_lite.hyperparameters import Choice, Domain, HyperParameters, Parameter, Space
from kerastune_lite.objective import ObjectiveLike
from kerastune_lite.trial import Trial
from kerastune_lite.tuner import Tuner


def tune_function(
    function: Callable[..., Any],
    space: Mapping[str, Any] | None = None,
    objective: ObjectiveLike = None,
    max_trials: int | None = 100,
    *,
    verbose: Any = "auto",
    **kwargs: Any,
) -> Tuner:
    """Minimise a function of hyperparameters, as Hyperopt's `fmin` does.

        tuner = kt.tune_function(
            lambda point: (point["x"] - 1) ** 2 + (point["kind"] == "b"),
            {"x": Float(-5.0, 5.0), "kind": ["a", "b"]},
        )
        tuner.get_best_hyperparameters()[0].values

    Args:
        function: returns a float to be minimised, or a dict of metrics with the objective in it.
            With a `space` it is called with a dict of values; without one with `hp`, and asks it
            for what it wants (`hp.Float("x", -5, 5)`). If it takes `epochs`, too, a scheduler may
            ask for results after few of them; if `initial_epoch` as well, it may go on from there;
            and if it yields one value per epoch, it may be stopped in between.
        space: name -> a domain of `kerastune_lite.hyperparameters` (Float, Int, Choice), or a list
            of values.
        objective: the metric to optimise, as for `Tuner`. None: the float.
        max_trials: as for `Tuner`.
        verbose: as for `Tuner.search`.
        **kwargs: further arguments of `Tuner`: oracle, scheduler, seed, executions_per_trial, ...
            With a `directory` the search is kept there and goes on when it is called again;
            without one it is forgotten with the tuner.

    Returns:
        The tuner, with its results.

    Raises:
        TypeError, ValueError: an argument cannot be right.
    """
    scratch = None
    if kwargs.get("directory") is None:
        scratch = kwargs["directory"] = tempfile.mkdtemp(prefix="kerastune_")
    kwargs.setdefault("project_name", getattr(function, "__name__", "function").strip("<>"))
    if space is not None:
        kwargs["hyperparameters"] = HyperParameters(_space(space))
        kwargs.setdefault("allow_new_entries", False)
        kwargs.setdefault("tune_new_entries", False)
    tuner = _FunctionTuner(function, space is not None, objective, max_trials, **kwargs)
    if scratch is not None:
        weakref.finalize(tuner, shutil.rmtree, scratch, ignore_errors=True)
    tuner.search(verbose=verbose)
    return tuner


def _space(given: Mapping[str, Any]) -> Space:
    parameters = []
    for name, domain in given.items():
        if isinstance(domain, (list, tuple)):
            domain = Choice(tuple(domain))
        if not isinstance(domain, Domain):
            raise TypeError(
                "A space maps names to domains (kerastune_lite.hyperparameters.Float, Int, Choice) "
                f"or to lists of values. Received: {name}={domain!r}."
            )
        parameters.append(Parameter(name, domain))
    return Space(parameters)


class _FunctionTuner(Tuner):
    """Calls a function in each trial.

    Args:
        by_values: whether it takes a dict of values; otherwise `hp`.
    """

    def __init__(
        self, function: Callable[..., Any], by_values: bool, *args: Any, **kwargs: Any
    ) -> None:
        self._function = function
        self._by_values = by_values
        takes = inspect.signature(function).parameters
        if "epochs" in takes:
            # As its signature is what says whether it can be told.
            self.run_trial = self._run_on if "initial_epoch" in takes else self._run_for  # type: ignore[method-assign, assignment]
        super().__init__(None, *args, **kwargs)

    def run_trial(self, trial: Trial) -> Any:
        return self._function(self._point(trial))

    def _run_for(self, trial: Trial, epochs: int) -> Any:
        return self._function(self._point(trial), epochs=epochs)

    def _run_on(self, trial: Trial, epochs: int, initial_epoch: int = 0) -> Any:
        return self._function(self._point(trial), epochs=epochs, initial_epoch=initial_epoch)

    def _point(self, trial: Trial) -> Any:
        hp = trial.hyperparameters
        return {name: hp.get(name) for name in trial.values} if self._by_values else hp
