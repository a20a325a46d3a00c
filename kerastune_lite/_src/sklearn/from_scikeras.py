"""What is taken from scikeras, public or not.

Keras is loaded first: scikeras would load it with all of TensorFlow's notes on the terminal.
"""

# ruff: noqa: E402

from kerastune_lite._src.keras.loading import load_keras

load_keras()

from scikeras._utils import route_params
from scikeras.utils import metric_name
from scikeras.utils.transformers import ClassifierLabelEncoder, RegressorTargetEncoder
from scikeras.utils.transformers import _is_categorical_crossentropy as is_categorical_crossentropy
from scikeras.wrappers import BaseWrapper

__all__ = [
    "BaseWrapper",
    "ClassifierLabelEncoder",
    "RegressorTargetEncoder",
    "is_categorical_crossentropy",
    "metric_name",
    "route_params",
]
