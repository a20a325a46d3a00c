"""scikit-learn's side: Keras models as estimators, and searches with cross-validation.

scikit-learn and scikeras are loaded when a name is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "KerasClassifier": "wrappers",
    "KerasRegressor": "wrappers",
    "SklearnTuner": "kerastuner",
    "TunerSearchCV": "search",
}

if TYPE_CHECKING:
    from kerastune_lite.sklearn.kerastuner import SklearnTuner
    from kerastune_lite.sklearn.search import TunerSearchCV
    from kerastune_lite.sklearn.wrappers import KerasClassifier, KerasRegressor

__all__ = ["KerasClassifier", "KerasRegressor", "SklearnTuner", "TunerSearchCV"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"kerastune_lite.sklearn has no {name!r}. It offers: {__all__}.")
    if _HOMES[name] == "wrappers":
        # Before scikeras, which would load it with all of TensorFlow's notes.
        from kerastune_lite.training.quiet import load_keras

        load_keras()
    value = getattr(importlib.import_module(f"kerastune_lite.sklearn.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
