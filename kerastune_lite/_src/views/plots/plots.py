"""`tuner.plot`: a method for each figure."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerastune_lite._src.analysis.comparable_losses import in_rungs
from kerastune_lite._src.analysis.curves import Curves, fan
from kerastune_lite._src.analysis.importances import Importances, importances
from kerastune_lite._src.analysis.study import to_study
from kerastune_lite._src.analysis.unit_cube import columns_of
from kerastune_lite._src.core.best_trials import why_none
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.scored_trials import at_the_end, scored
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.views.plots.backends import choose, optuna_figure
from kerastune_lite._src.views.plots.lines import bars_of, drawing, scores_of

_GRID = 4
"""The default number of hyperparameters in figures with a panel for each pair."""


class Plots:
    """Figures of a search in its current state.

    Each method takes `backend`: "matplotlib" or "plotly"; by default plotly in a notebook and
    matplotlib elsewhere. Each returns a figure of that library, which has `savefig` (matplotlib) or
    `write_html` (plotly). Figures that compare final scores leave out trials that ended early, in a
    lower rung.

    Args:
        trials: in the order of their numbers.
        curves: reads all learning curves, by the trial's number.
        name: of the project.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        objective: Objective,
        curves: Callable[[], Mapping[int, Curves]],
        name: str,
    ) -> None:
        self._trials = trials
        self._objective = objective
        self._read_curves = curves
        self._name = name

    def __repr__(self) -> str:
        figures = ", ".join(name for name in vars(Plots) if not name.startswith("_"))
        return f"<Figures of {len(self._trials)} trials: {figures}>"

    def history(self, *, backend: str | None = None) -> Any:
        """The score of each trial in the order of the search, and the best so far."""
        return self._optuna("optimization_history", backend, target_name=self._objective.name)

    def learning_curves(self, metric: str | None = None, *, backend: str | None = None) -> Any:
        """Each trial's learning curve, coloured by its final score, with quantiles by epoch.

        Epochs of later rungs continue those of earlier ones. The band contains 80 % of the trials
        that were trained up to that epoch.

        Args:
            metric: a name in Keras's logs, such as "loss". None: the objective.

        Raises:
            ValueError: no trial has measured it.
        """
        backend = choose(backend)
        curves = fan(self._curves, self._objective, metric)
        drawn = drawing(curves, scores_of(self._trials), self._objective)
        return self._own(backend, "learning_curves", drawn)

    def importances(self, *, seed: int = 0, backend: str | None = None) -> Any:
        """`tuner.importances()` as bars: hyperparameters, then the largest pairs.

        Raises:
            ValueError: there are too few completed trials, or they do not differ.
        """
        backend = choose(backend)
        found = self._importances(seed)
        labels, shares, errors = map(list, zip(*bars_of(found)))
        return self._own(backend, "importances", found, labels, shares, errors)

    def parallel_coordinates(
        self, params: Sequence[str] | None = None, *, backend: str | None = None
    ) -> Any:
        """One line per trial across an axis for each hyperparameter.

        Args:
            params: the names. None: all that differ between trials.
        """
        return self._by_params("parallel_coordinate", params, None, backend)

    def slice(self, params: Sequence[str] | None = None, *, backend: str | None = None) -> Any:
        """The scores against each hyperparameter, one panel each.

        Args:
            params: the names. None: all that differ between trials.
        """
        return self._by_params("slice", params, None, backend)

    def contour(self, params: Sequence[str] | None = None, *, backend: str | None = None) -> Any:
        """The scores against pairs of hyperparameters, as contours.

        Args:
            params: at least two names. None: the four most important.
        """
        return self._by_params("contour", params, _GRID, backend)

    def rank(self, params: Sequence[str] | None = None, *, backend: str | None = None) -> Any:
        """The trials against pairs of hyperparameters, coloured by their rank.

        Args:
            params: at least two names. None: the four most important.
        """
        return self._by_params("rank", params, _GRID, backend)

    def timeline(self, *, backend: str | None = None) -> Any:
        """When each trial ran, and how it ended."""
        return self._optuna("timeline", backend)

    def edf(self, *, backend: str | None = None) -> Any:
        """The empirical distribution of the scores: the part of the trials up to each score."""
        return self._optuna("edf", backend, target_name=self._objective.name)

    def pareto_front(
        self, second: str | Objective | None = None, *, backend: str | None = None
    ) -> Any:
        """The objective against a second value, and the trials that are not worse in both.

        Args:
            second: "seconds" or "epochs", where less is better; or a logged metric as
                `Objective("val_auc", "max")`; names that end in "loss" need no direction. None: the
                other objectives of the search, one or two; if it has one objective, "seconds".

        Raises:
            ValueError: no trial has it or satisfies the constraints, or its direction is not known.
        """
        backend = choose(backend)
        self._check_scores()
        if all(trial.violation for trial in scored(self._trials)):
            raise ValueError(f"There is no front to draw. {why_none(self._trials)}")
        others = self._objective.parts[1:3] if second is None else ()
        further = {each: self._values_of(each.name) for each in others or (_second(second),)}
        study = to_study(self._trials, self._objective, {}, self._name, further=further)
        names = [self._objective.name, *(each.name for each in further)]
        return optuna_figure("pareto_front", backend, study, target_names=names)

    # ------------------------------------------------------------------ inside

    def _values_of(self, name: str) -> dict[int, float]:
        values: dict[int, float] = {}
        for trial in scored(self._trials):
            known = {"seconds": trial.seconds, "epochs": trial.epochs}
            value = trial.metrics.get(name, known.get(name))
            if value is not None and math.isfinite(value) and trial.violation == 0.0:
                values[trial.number] = float(value)
        if not values:
            known_names = sorted({each for trial in self._trials for each in trial.metrics})
            raise ValueError(
                f"No completed trial has {name!r}. `second` can be 'seconds', 'epochs', or one of "
                f"the metrics {known_names}."
            )
        return values

    @functools.cached_property
    def _curves(self) -> Mapping[int, Curves]:
        return self._read_curves()

    @functools.cached_property
    def _study(self) -> Any:
        # None of the figures of Optuna that are used shows scores by epoch.
        return to_study(self._trials, self._objective, {}, self._name)

    def _optuna(self, kind: str, backend: str | None, **kwargs: Any) -> Any:
        backend = choose(backend)
        self._check_scores()
        return optuna_figure(kind, backend, self._study, **kwargs)

    def _own(self, backend: str, kind: str, *args: Any) -> Any:
        module = importlib.import_module(f"kerastune_lite._src.views.plots.with_{backend}")
        return getattr(module, kind)(*args)

    def _by_params(
        self, kind: str, params: Sequence[str] | None, limit: int | None, backend: str | None
    ) -> Any:
        backend = choose(backend)
        self._check_scores()
        ended = at_the_end(self._trials)  # those that Optuna draws
        drawn = [trial for trial in self._trials if trial.number in ended]
        varied = list(columns_of(drawn).names)
        if params is None:
            chosen = varied if limit is None else self._most_important(varied, limit)
        else:
            chosen = [params] if isinstance(params, str) else list(params)
        known = {name for trial in drawn for name in trial.values}
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise ValueError(f"No completed trial has {unknown}. They have: {sorted(known)}.")
        if len(chosen) < (1 if limit is None else 2):
            needed = "a hyperparameter" if limit is None else "two hyperparameters"
            raise ValueError(
                f"This figure needs at least {needed} that differ between trials. There are "
                f"{varied}, and `params` is {params!r}."
            )
        name = self._objective.name
        return optuna_figure(kind, backend, self._study, params=chosen, target_name=name)

    def _importances(self, seed: int = 0) -> Importances:
        curves = self._curves if in_rungs(self._trials) else None
        return importances(self._trials, self._objective, seed=seed, curves=curves)

    def _most_important(self, names: Sequence[str], limit: int) -> list[str]:
        if len(names) <= limit:
            return list(names)
        try:
            shares = self._importances().values
        except ValueError:  # too few trials, or no differences between them
            return list(names[:limit])
        ranked = [name for name in shares if name in names][:limit]
        return [name for name in names if name in ranked]

    def _check_scores(self) -> None:
        if not scored(self._trials):
            raise ValueError(f"There is no completed trial to draw. {why_none(self._trials)}")


def _second(second: str | Objective | None) -> Objective:
    second = "seconds" if second is None else second
    if isinstance(second, str):
        if second in ("seconds", "epochs") or second.endswith("loss"):
            return Objective(second, "min")
        raise ValueError(
            f"The direction of {second!r} is not known. Pass "
            f'kerastune_lite.Objective({second!r}, direction="max") or direction="min".'
        )
    if not isinstance(second, Objective) or second.direction is None:
        raise ValueError(
            "`second` must be 'seconds', 'epochs', or a kerastune_lite.Objective with a direction. "
            f"Received: {second!r}."
        )
    return second
