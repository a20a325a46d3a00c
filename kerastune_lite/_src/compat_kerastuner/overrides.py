"""What KerasTuner's users override and set, and what replaces it here.

KerasTuner's scripts override methods and set attributes that it does not document. Those that have
an effect here are methods and properties of the tuner; this module knows the others, so that none
is ignored silently.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

logger = logging.getLogger(__name__)

REPLACED: Mapping[str, str] = {
    # Methods of KerasTuner's tuners that decide what is trained, and what to do instead.
    "_activate_all_conditions": "declare hyperparameters in HyperModel.declare_hyperparameters(hp)",
    "_configure_tensorboard_dir": "pass callbacks=lambda trial: [...] to search()",
    "_deepcopy_callbacks": "pass callbacks=lambda trial: [...] to search()",
    "_filter_metrics": "return what counts from HyperModel.fit() or run_trial()",
    "_get_build_config_fname": "load models with tuner.load_model(trial)",
    "_get_checkpoint_fname": "override save_model(trial_id, model), or load models with "
    "tuner.load_model(trial)",
    "_get_tensorboard_dir": "pass callbacks=lambda trial: [...] to search()",
    "_override_compile_args": "override _build_hypermodel(hp), or pass optimizer=, loss=, metrics=",
    "_populate_initial_space": "declare hyperparameters in HyperModel.declare_hyperparameters(hp)",
    "_run_and_update_trial": "override run_trial(trial, ...)",
    "_try_build": "override _build_hypermodel(hp)",
    "_try_run_and_update_trial": "override run_trial(trial, ...)",
}

NEVER_CALLED = frozenset(
    # Methods of KerasTuner's tuners for its files and its workers, which do not exist here.
    (
        "_get_tuner_fname",
        "_is_worker",
        "get_state",
        "pre_create_trial",
        "reload",
        "save",
        "set_state",
    )
)

OF_ORACLES = frozenset(
    # Methods of KerasTuner's oracles. Its searches ask for one trial's values and keep state;
    # here a proposal is a function of the history.
    (
        "_compute_values_hash",
        "_random_values",
        "create_trial",
        "end_trial",
        "get_state",
        "populate_space",
        "score_trial",
        "set_state",
        "update_space",
        "update_trial",
    )
)


def check_overrides(tuner: type, oracle: type) -> None:
    """Warn of methods that subclasses define and that nothing here calls.

    Args:
        tuner: its class.
        oracle: the class of its oracle, if that is none of KerasTuner's.

    Raises:
        TypeError: one of them is meant to decide what is trained.
    """
    for name, place in _defined_in(tuner).items():
        if name in REPLACED:
            raise TypeError(
                f"{place} overrides {name}(), which KerasTuner calls and kerastune_lite does not. "
                f"Instead, {REPLACED[name]}."
            )
        if name in NEVER_CALLED:
            logger.warning(
                "%s defines %s(), which KerasTuner calls and kerastune_lite does not: the project "
                "on disk is always up to date. Your own code can still call it.",
                place,
                name,
            )
    for name, place in _defined_in(oracle).items():
        if name in OF_ORACLES:
            raise TypeError(
                f"{place} defines {name}(), which KerasTuner's searches call, and kerastune_lite's "
                "only for subclasses of kerastune_lite.Oracle. Derive it from that, or override "
                "propose(space, history, count, rng), which returns values by name for up to "
                "`count` new trials."
            )


def _defined_in(kind: type) -> dict[str, str]:
    """The names that a user's class and its bases define, each with the class."""
    found: dict[str, str] = {}
    for each in kind.__mro__:
        if each.__module__.partition(".")[0] == "kerastune_lite":
            break
        found |= {name: each.__name__ for name in vars(each) if name not in found}
    return found


SET_AT_CONSTRUCTION = frozenset(
    # Attributes of KerasTuner's tuners and oracles that are read only by the constructor here.
    (
        "allow_new_entries",
        "directory",
        "distribution_strategy",
        "hyperparameters",
        "hypermodel",
        "loss",
        "max_consecutive_failed_trials",
        "max_model_size",
        "max_retries_per_trial",
        "metrics",
        "objective",
        "optimizer",
        "oracle",
        "project_name",
        "seed",
        "tune_new_entries",
    )
)


def check_attribute(tuner: Any, name: str) -> None:
    """Raise for an attribute that only the constructor reads.

    Args:
        tuner: its class is named in the message.

    Raises:
        AttributeError: it is such an attribute.
    """
    if name in SET_AT_CONSTRUCTION:
        raise AttributeError(
            f"`{name}` is read only when a tuner is created. Pass it to "
            f"{type(tuner).__name__}(..., {name}=...). (max_trials and executions_per_trial can be "
            "set before a search.)"
        )
