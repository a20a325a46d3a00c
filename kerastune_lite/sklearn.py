"""scikit-learn's side: Keras models as estimators, and searches with cross-validation.

scikit-learn and scikeras are loaded when a name is first used.
"""

from typing import TYPE_CHECKING

from kerastune_lite._src.util.lazy import lazy_names

if TYPE_CHECKING:
    from kerastune_lite._src.sklearn.tuner_search_cv import TunerSearchCV
    from kerastune_lite._src.sklearn.wrappers import KerasClassifier, KerasRegressor
    from kerastune_lite._src.tuner.sklearn_tuner import SklearnTuner

__all__ = ["KerasClassifier", "KerasRegressor", "SklearnTuner", "TunerSearchCV"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "KerasClassifier": "_src.sklearn.wrappers",
        "KerasRegressor": "_src.sklearn.wrappers",
        "SklearnTuner": "_src.tuner.sklearn_tuner",
        "TunerSearchCV": "_src.sklearn.tuner_search_cv",
    },
)
