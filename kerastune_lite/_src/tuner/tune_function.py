"""Searches for the best arguments of any function, without Keras."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import weakref
from collections.abc import Callable, Collection, Mapping
from typing import Any, Union

from kerastune_lite._src.core.goals import ObjectiveLike
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Domain
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.space.numeric import Int
from kerastune_lite._src.space.parameters import Parameter, Space
from kerastune_lite._src.space.reading import read_space
from kerastune_lite._src.tuner.tuner import Tuner
from kerastune_lite._src.util.public import public

SpaceLike = Union[Mapping[str, Any], HyperParameters, Callable[[HyperParameters], Any], None]
"""A dict of domains, an `hp` that holds them, or a function of `hp` that asks for them."""

_TOLD = ("epochs", "initial_epoch")


@public("kerastune_lite")
def tune_function(
    function: Callable[..., Any],
    space: SpaceLike = None,
    objective: ObjectiveLike = None,
    max_trials: int | None = 100,
    *,
    verbose: Any = "auto",
    workers: int | str | None = None,
    runner: str | None = None,
    trial_timeout: float | None = None,
    **kwargs: Any,
) -> Tuner:
    """Minimise a function of hyperparameters, as Hyperopt's `fmin` does.

    A space is one of these:

    - a dict: name -> `Float`, `Int`, `Choice`, ... of `kerastune_lite.hyperparameters`, a list of
      values, or a range of integers. Hyperopt's `hp.loguniform` corresponds to
      `Float(1e-4, 1e-1, sampling="log")`, which includes its ends, and `hp.choice` to a list;
    - a function of `hp`, which may declare some parameters only if others have certain values
      (`if hp.Choice("kind", ["a", "b"]) == "a": hp.Float("x", 0, 1)`);
    - a `HyperParameters` with declared parameters, perhaps in conditional scopes;
    - None: the function itself takes `hp` and declares parameters with it.

    Args:
        function: returns a float to be minimised, or a dict of metrics that includes the objective.
            It receives the values by name if its parameters have the names of the space, otherwise
            as one dict. With a parameter `epochs`, a scheduler can ask for short trainings; with
            `initial_epoch`, too, it can resume them. If the function yields one value per epoch, it
            can be stopped early.
        space: see above.
        objective: the metric to optimise, as for `Tuner`. None: the float.
        max_trials: as for `Tuner`.
        verbose, workers, runner, trial_timeout: as for `Tuner.search`.
        **kwargs: further arguments of `Tuner`: oracle, scheduler, seed, executions_per_trial, ...
            With a `directory`, the search is stored there, and the next call resumes it; without
            one it is deleted with the tuner.

    Returns:
        The tuner, with its results.

    Raises:
        TypeError, ValueError: an argument is invalid.

    Example:
        >>> import kerastune_lite as kt
        >>> tuner = kt.tune_function(
        ...     lambda x, kind: (x - 1) ** 2 + (kind == "b"),
        ...     {"x": kt.hyperparameters.Float(-5.0, 5.0), "kind": ["a", "b"]},
        ...     max_trials=25,
        ...     verbose=0,
        ... )
        >>> tuner.get_best_hyperparameters()[0].values["kind"]
        'a'
    """
    if not callable(function):
        swapped = " The function comes first, then the space." if callable(space) else ""
        raise TypeError(
            f"`function` must be a function. Received: {function!r} of type "
            f"{type(function).__name__}.{swapped}"
        )
    known = None if space is None else _space(space)
    if known is not None:
        kwargs["hyperparameters"] = HyperParameters(known)
        # A function of `hp` may ask for new parameters at values that were not tried yet.
        kwargs.setdefault("allow_new_entries", callable(space))
        kwargs.setdefault("tune_new_entries", callable(space))
    scheduled = getattr(kwargs.get("scheduler"), "decides_epochs", False)
    call = _call_of(function, known, scheduled)
    scratch = None
    if kwargs.get("directory") is None:
        scratch = kwargs["directory"] = tempfile.mkdtemp(prefix="kerastune_")
    kwargs.setdefault("project_name", getattr(function, "__name__", "function").strip("<>"))
    declare = space if callable(space) else None
    tuner = _FunctionTuner(
        function, call, known is not None, declare, objective, max_trials, **kwargs
    )
    if scratch is not None:
        weakref.finalize(tuner, shutil.rmtree, scratch, ignore_errors=True)
    tuner.search(verbose=verbose, workers=workers, runner=runner, trial_timeout=trial_timeout)
    return tuner


# ---------------------------------------------------------------------- the space


def _space(given: Any) -> Space:
    """The parameters of a space in any of the forms that users may write."""
    if isinstance(given, HyperParameters):
        return given.space
    if isinstance(given, Mapping):
        return Space([Parameter(_name(name), _domain(name, d)) for name, d in given.items()])
    if callable(given):
        return read_space(given)
    raise TypeError(
        "`space` must be a dict such as {'x': Float(0.0, 1.0), 'kind': ['a', 'b']}, a function of "
        f"hp, or a HyperParameters. Received: {given!r} of type {type(given).__name__}."
    )


def _name(given: Any) -> str:
    if isinstance(given, str):
        return given
    raise TypeError(
        "The names of a space must be strings. Received: "
        f"{given!r} of type {type(given).__name__}; write {str(given)!r}."
    )


def _domain(name: str, given: Any) -> Domain:
    if isinstance(given, Domain):
        return given
    if isinstance(given, range) and len(given):
        first, last = sorted((given[0], given[-1]))
        return Int(first, last, abs(given.step))
    if isinstance(given, tuple) and len(given) == 2 and all(map(_is_number, given)):
        low, high = given
        kind = "Int" if all(isinstance(end, int) for end in given) else "Float"
        raise TypeError(
            f"{name}={given!r} may mean a range or two values. Write "
            f"{kind}({low!r}, {high!r}) of kerastune_lite.hyperparameters, or [{low!r}, {high!r}]."
        )
    if isinstance(given, (list, tuple, range)):
        return Choice(tuple(given))
    raise TypeError(
        "A space maps names to domains (kerastune_lite.hyperparameters.Float, Int, Choice), to "
        f"ranges of integers, or to lists of values. Received: {name}={given!r} of type "
        f"{type(given).__name__}."
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ---------------------------------------------------------------------- the function


def _call_of(
    function: Callable[..., Any], space: Space | None, scheduled: bool
) -> Callable[..., Any]:
    """`function`, to be called with `hp` or a dict of values, and with a scheduler's epochs.

    Raises:
        TypeError: its parameters do not allow that.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # Some functions that are not written in Python have no signature.
        return function
    tuned = dict.fromkeys(() if space is None else space.names)
    told = {name: 0 for name in _TOLD if name in signature.parameters and name not in tuned}
    _check_epochs(signature, "epochs" in told, scheduled)
    if space is not None and tuned:
        always = {parameter.name: None for parameter in space if not parameter.conditions}
        if _binds(signature, **tuned, **told) and _binds(signature, **always, **told):
            return lambda point, **told: function(**point, **told)
    if _binds(signature, None, **told):
        return function
    if space is None:
        raise TypeError(
            "Without a `space` the function must take `hp` and declare parameters with it: "
            f"hp.Float('x', 0, 1). Received a function with the signature {signature}."
        )
    raise TypeError(
        "The function must take all values as one dict, or by name with a parameter for each name "
        f"of the space, {list(tuned)}. (A conditional parameter needs a default.) Received a "
        f"function with the signature {signature}."
    )


def _check_epochs(signature: inspect.Signature, takes_epochs: bool, scheduled: bool) -> None:
    """Raise if a scheduler needs a parameter `epochs` that is missing, or the reverse."""
    if scheduled and not takes_epochs:
        raise TypeError(
            "This scheduler trains trials for a few epochs first, and the better ones for more, so "
            "the function needs a parameter `epochs`. With a parameter `initial_epoch`, too, it "
            f"can resume a training. Received a function with the signature {signature}."
        )
    if takes_epochs and not scheduled:
        needed = signature.parameters["epochs"].default is inspect.Parameter.empty
        if needed:
            raise TypeError(
                "`epochs` comes from a scheduler that decides how long trials train, and this "
                "search has none. Pass scheduler=kerastune_lite.schedulers.ASHA(max_epochs=27), "
                "give the parameter a default, or add it to the space."
            )


def _parameters(function: Callable[..., Any]) -> Collection[str]:
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return ()


def _binds(signature: inspect.Signature, *args: Any, **kwargs: Any) -> bool:
    """Whether a function accepts these arguments."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


class _FunctionTuner(Tuner):
    """Calls a function in each trial.

    Args:
        function: that of the user.
        call: the same, but called with a dict of values, or with `hp`.
        by_values: whether `call` takes a dict.
        declare: declares the active parameters of a trial in `hp`; None if the space defines them.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        call: Callable[..., Any],
        by_values: bool,
        declare: Callable[[HyperParameters], Any] | None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self._call = call
        self._by_values = by_values
        self._declare = declare
        self.source = f"{getattr(function, '__name__', type(function).__name__)}()"
        """Its name in messages."""
        takes = _parameters(function)
        if "epochs" in takes:
            # The signature of run_trial says which of these it accepts.
            self.run_trial = self._run_on if "initial_epoch" in takes else self._run_for  # type: ignore[method-assign]
        super().__init__(None, *args, **kwargs)

    def run_trial(self, trial: Trial) -> Any:
        return self._call(self._point(trial))

    def _run_for(self, trial: Trial, epochs: int | None = None) -> Any:
        told = {} if epochs is None else {"epochs": epochs}
        return self._call(self._point(trial), **told)

    def _run_on(self, trial: Trial, epochs: int | None = None, initial_epoch: int = 0) -> Any:
        told = {} if epochs is None else {"epochs": epochs, "initial_epoch": initial_epoch}
        return self._call(self._point(trial), **told)

    def _point(self, trial: Trial) -> Any:
        hp = trial.hyperparameters
        if not self._by_values:
            return hp
        if self._declare is not None:
            self._declare(hp)
            return hp.used_values()
        return {name: hp.get(name) for name in trial.values}
