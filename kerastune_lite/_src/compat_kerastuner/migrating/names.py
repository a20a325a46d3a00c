"""KerasTuner's public names, under which kerastune_lite has the same."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

ROOTS = ("keras_tuner", "kerastuner")
"""KerasTuner's package, and its name until 2021."""
NEW_ROOT = "kerastune_lite"

_TUNERS = frozenset(
    ("BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch", "SklearnTuner")
)
ORACLES = frozenset(
    (
        "BayesianOptimizationOracle",
        "GridSearchOracle",
        "HyperbandOracle",
        "RandomSearchOracle",
    )
)
"""KerasTuner's classes of oracles; older releases call them as it calls its tuners."""
_ENGINE: Mapping[str, frozenset[str]] = {
    "base_tuner": frozenset(("BaseTuner",)),
    "hypermodel": frozenset(("HyperModel",)),
    "hyperparameters": frozenset(
        (
            "Boolean",
            "Choice",
            "Fixed",
            "Float",
            "HyperParameter",
            "HyperParameters",
            "Int",
            "deserialize",
            "serialize",
        )
    ),
    "metrics_tracking": frozenset(("infer_metric_direction",)),
    "multi_execution_tuner": frozenset(("MultiExecutionTuner",)),
    "objective": frozenset(("Objective",)),
    "oracle": frozenset(("Objective", "Oracle", "synchronized")),
    "trial": frozenset(("Trial", "TrialStatus")),
    "tuner": frozenset(("Tuner", "maybe_distribute")),
}

MODULES: Mapping[str, frozenset[str]] = {
    # By the module's name below the package; "" is the package.
    "": _TUNERS
    | frozenset(
        (
            "BaseTuner",
            "HyperModel",
            "HyperParameters",
            "Objective",
            "Oracle",
            "Tuner",
            "__version__",
            "applications",
            "engine",
            "errors",
            "oracles",
            "synchronized",
            "tuners",
        )
    ),
    "applications": frozenset(
        ("HyperEfficientNet", "HyperImageAugment", "HyperResNet", "HyperXception")
    ),
    "engine": frozenset(_ENGINE),
    **{f"engine.{name}": names for name, names in _ENGINE.items()},
    "errors": frozenset(
        (
            "FailedTrialError",
            "FatalError",
            "FatalRuntimeError",
            "FatalTypeError",
            "FatalValueError",
        )
    ),
    "oracles": frozenset(ORACLES | {name.removesuffix("Oracle") for name in ORACLES}),
    "tuners": _TUNERS | {"Tuner"},
}

TUNERS = _TUNERS | {"BaseTuner", "MultiExecutionTuner", "Tuner"}
"""The classes of tuners; their names differ from those of all other classes."""


def below_root(dotted: str) -> str | None:
    """`dotted` without KerasTuner's package, "" for the package; None for other modules."""
    root, _, rest = dotted.partition(".")
    return rest if root in ROOTS else None


def public_home(module: str, names: Collection[str]) -> str | None:
    """The module, below the package, from which `names` can be imported here.

    KerasTuner's older releases, and its private modules, have a module per class.

    Args:
        module: below the package, where the script imports from.
        names: what it imports; "*" for all.
    """
    if module in MODULES or "*" in names:
        homes = [module]
    else:
        public = module.removeprefix("src").removeprefix(".")
        homes = [public, public.rpartition(".")[0]]
    for home in homes:
        if home in MODULES and set(names) - {"*"} <= MODULES[home]:
            return home
    return None


def advice(dotted: str) -> str:
    """What to do instead of using a name that has no counterpart.

    Args:
        dotted: the name below the package.
    """
    parts = dotted.removeprefix("src.").split(".")
    if parts[0] in ("distribute", "protos"):
        return 'For several processes call search(workers=...), or with runner="ray" on a cluster.'
    wanted, module = parts[-1], ".".join(parts[:-1])
    near = difflib.get_close_matches(wanted, MODULES.get(module, ()), 1, cutoff=0.7)
    homes = [module, *(home for home, names in MODULES.items() if wanted in names)]
    name = near[0] if near else wanted
    home = homes[0] if near else homes[-1]
    if name in MODULES.get(home, ()):
        return f"Use {'.'.join(filter(None, (NEW_ROOT, home, name)))}."
    return "Do without it, or keep KerasTuner for this script."
