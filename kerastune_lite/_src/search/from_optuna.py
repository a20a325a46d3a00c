"""Studies of Optuna, opened like projects."""

from __future__ import annotations

from typing import Any

from kerastune_lite._src.core.goals import ObjectiveLike
from kerastune_lite._src.search.open_project import OpenedProject
from kerastune_lite._src.store.optuna_reading import OptunaFolder
from kerastune_lite._src.util.optuna_package import ALONE, load_optuna
from kerastune_lite._src.util.public import public


@public("kerastune_lite")
def from_optuna(study: Any, objective: ObjectiveLike = None) -> OpenedProject:
    """Open a study of Optuna as the results of a search: tables, figures, importances, a report.

    Its trials have their numbers, but for those that wait in a queue, which are left out. `origin`
    has Optuna's number. A pruned trial has the value that it reported last, and competes with it.
    Attributes that are numbers are metrics. Optuna knows no conditions: a hyperparameter that some
    trials do not have is one that was not active. `refresh()` reads the study again.

    Args:
        study: an `optuna.Study`; `optuna.load_study` opens one that is stored.
        objective: its name; several for a study with several objectives. Default: the names that
            `study.set_metric_names` gave them, otherwise "value", or "value_0", "value_1", ...

    Raises:
        ImportError: Optuna is not installed.
        TypeError: `study` is not a study.
        ValueError: `objective` does not fit the study.

    Example:
        >>> import optuna
        >>> import kerastune_lite as kt
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study()
        >>> study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=5)
        >>> results = kt.from_optuna(study, "loss")
        >>> results.get_best_trials()[0].score == study.best_value
        True
    """
    if not isinstance(study, load_optuna(ALONE).Study):
        raise TypeError(
            "`study` must be an optuna.Study. Received: "
            f"{study!r} of type {type(study).__name__}. A study that is stored is opened by "
            "optuna.load_study(study_name=None, storage='sqlite:///study.db')."
        )
    return OpenedProject(OptunaFolder(study, objective))
