"""What is taken from scikeras, public or not.

Keras is loaded first: scikeras would load it with all of TensorFlow's notes on the terminal.
"""

# ruff: noqa: E402

import numpy as np

from kerastune_lite._src.keras.loading import load_keras

load_keras()

from scikeras._utils import route_params
from scikeras.utils import metric_name
from scikeras.utils.transformers import ClassifierLabelEncoder, RegressorTargetEncoder
from scikeras.utils.transformers import _is_categorical_crossentropy as is_categorical_crossentropy
from scikeras.wrappers import BaseWrapper

from kerastune_lite._src.sklearn import compat

__all__ = [
    "BaseWrapper",
    "ClassifierLabelEncoder",
    "RegressorTargetEncoder",
    "is_categorical_crossentropy",
    "metric_name",
    "route_params",
]

_OVERRIDDEN = (
    "_build_keras_model",
    "_check_model_compatibility",
    "_check_model_param",
    "_fit",
    "_fit_keras_model",
    "_fit_kwargs",
    "_get_compile_kwargs",
    "_initialize",
    "_predict_raw",
    "_type_of_target",
    "_validate_data",
)
"""What scikeras calls, and `KerasWrapper` and the estimators do in another way."""


def check_scikeras() -> None:
    """Try what is not public in it.

    Raises:
        ImportError: this scikeras differs; with the version to install.
    """
    try:
        works = _wrapper_works()
    except Exception as error:
        raise _other_version() from error
    if not works:
        raise _other_version()


def _wrapper_works() -> bool:
    wrapper = BaseWrapper(None, own=1)
    compat.make_callbacks(wrapper)
    encoder = ClassifierLabelEncoder().fit(np.array(["b", "a"]))
    return (
        all(hasattr(BaseWrapper, name) for name in _OVERRIDDEN)
        and compat.arguments_by_name(wrapper) == {"own"}
        and {"fit", "model"} <= compat.routing_prefixes(wrapper)
        and "batch_size" in compat.arguments_of_predict(wrapper)
        and [compat.callbacks_of(wrapper, name) for name in ("fit", "predict")] == [[], []]
        and compat.kind_of_labels(encoder) == "binary"
        and compat.shape_of_targets(encoder) == (2,)
        and compat.checked_weights(2.0, np.zeros((2, 1))).tolist() == [2.0, 2.0]
        and is_categorical_crossentropy("categorical_crossentropy")
        and route_params({"fit__a": 1, "b": 2, "c": 3}, "fit", {"b"}) == {"a": 1, "b": 2}
    )


def _other_version() -> ImportError:
    return ImportError(
        "KerasClassifier and KerasRegressor need parts of scikeras that are not public, and they "
        "differ in the version that is installed. Install the one they are made for: "
        "pip install scikeras==0.13.0"
    )


check_scikeras()
