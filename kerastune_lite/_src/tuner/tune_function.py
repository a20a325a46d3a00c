"""Searches for the best arguments of any function, without Keras."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import weakref
from collections.abc import Callable, Collection, Mapping
from typing import Any, Union

from kerastune_lite._src.core.objective import ObjectiveLike
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.space.domains import Choice, Domain
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
    **kwargs: Any,
) -> Tuner:
    """Minimise a function of hyperparameters, as Hyperopt's `fmin` does.

    A space is given as

    - a dict: name -> `Float`, `Int`, `Choice`, ... of `kerastune_lite.hyperparameters`, a list of
      values, or a range of whole numbers. What Hyperopt calls `hp.loguniform` is
      `Float(1e-4, 1e-1, sampling="log")`, with the ends themselves; `hp.choice` is a list.
    - a function of `hp`, which may ask for some parameters only where others have certain values
      (`if hp.Choice("kind", ["a", "b"]) == "a": hp.Float("x", 0, 1)`);
    - a `HyperParameters` in which they were declared, with conditional scopes perhaps;
    - nothing: then the function itself takes `hp`, and asks it for what it wants.

    Args:
        function: returns a float to be minimised, or a dict of metrics with the objective in it.
            It takes the values by name if its parameters have the names of the space; otherwise
            all of them as one dict. If it takes `epochs`, too, a scheduler may ask for results
            after few of them; if `initial_epoch` as well, it may continue from there; and if it
            yields one value per epoch, it may be stopped in between.
        space: see above.
        objective: the metric to optimise, as for `Tuner`. None: the float.
        max_trials: as for `Tuner`.
        verbose: as for `Tuner.search`.
        **kwargs: further arguments of `Tuner`: oracle, scheduler, seed, executions_per_trial, ...
            With a `directory` the search is kept there and is resumed by the next call;
            without one it is forgotten with the tuner.

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
    tuner.search(verbose=verbose)
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
        "The names of a space must be texts, since hyperparameters are known by them. Received: "
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
            f"It cannot be told whether {name}={given!r} means a range or two values. Write "
            f"{kind}({low!r}, {high!r}) of kerastune_lite.hyperparameters, or [{low!r}, {high!r}]."
        )
    if isinstance(given, (list, tuple, range)):
        return Choice(tuple(given))
    raise TypeError(
        "A space maps names to domains (kerastune_lite.hyperparameters.Float, Int, Choice), to "
        f"ranges of whole numbers, or to lists of values. Received: {name}={given!r} of type "
        f"{type(given).__name__}."
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ---------------------------------------------------------------------- the function


def _call_of(
    function: Callable[..., Any], space: Space | None, scheduled: bool
) -> Callable[..., Any]:
    """`function`, to be called with `hp` or a dict of values, and with the scheduler's epochs.

    Raises:
        TypeError: it cannot be called so.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # Some that are not written in Python do not say.
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
            "Without a `space` the function is called with `hp`, and asks it for what it wants: "
            f"hp.Float('x', 0, 1). Received one that takes {signature}."
        )
    raise TypeError(
        "The function must take all values as one dict, or by name with a parameter for each name "
        f"of the space, {list(tuned)}. (What is under a condition needs a default.) Received one "
        f"that takes {signature}."
    )


def _check_epochs(signature: inspect.Signature, takes_epochs: bool, scheduled: bool) -> None:
    """Check that the function takes `epochs` if a scheduler passes it, and only then."""
    if scheduled and not takes_epochs:
        raise TypeError(
            "This scheduler trains trials for some epochs first, and the better ones for more, so "
            "the function must be told for how many: give it a parameter `epochs`. With "
            "`initial_epoch` among the parameters, too, it can go on where it stopped. Received "
            f"one that takes {signature}."
        )
    if takes_epochs and not scheduled:
        needed = signature.parameters["epochs"].default is inspect.Parameter.empty
        if needed:
            raise TypeError(
                "`epochs` is told by a scheduler that decides for how many epochs trials are "
                "trained, and this search has none. Pass scheduler=kerastune_lite.schedulers."
                "ASHA(max_epochs=27), or give the parameter a default, or put it into the space."
            )


def _parameters(function: Callable[..., Any]) -> Collection[str]:
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return ()


def _binds(signature: inspect.Signature, *args: Any, **kwargs: Any) -> bool:
    """Whether a function could be called so."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


class _FunctionTuner(Tuner):
    """Calls a function in each trial.

    Args:
        function: as the user gave it.
        call: the same, to be called with a dict of values, or with `hp`.
        by_values: whether with a dict.
        declare: asks `hp` for what is active in a trial; None if the space tells that.
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
            # As its signature is what says whether it can be told.
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
