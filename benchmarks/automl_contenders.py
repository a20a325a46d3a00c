"""Who competes in `automl.py`. A contender is made for a table, a time limit and a seed.

It has the methods of an estimator of scikit-learn: `fit(x, y)` and `predict(x)`, and for classes
`predict_proba(x)`, if it knows probabilities.
"""

import importlib.util
import tempfile
import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from quiet_keras import load_keras
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

OURS = "ours"
AUTOKERAS = "AutoKeras"


def ours(classes, seconds, seed):
    import kerastune_lite as kt

    estimator = kt.AutoClassifier if classes else kt.AutoRegressor
    return estimator(time_limit=seconds, random_state=seed)


def boosting(classes, seconds, seed):
    estimator = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return estimator(random_state=seed)


def constant(classes, seconds, seed):
    return DummyClassifier(strategy="prior") if classes else DummyRegressor()


def scaled():
    """What is usual before a network: numbers of mean 0 and deviation 1, a column per category."""
    categories = make_column_selector(dtype_include="category")
    numbers = make_column_selector(dtype_exclude="category")
    filled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((filled, numbers), (one_hot, categories))


class Framed:
    """An estimator that is given data frames, of which columns can be selected."""

    def __init__(self, estimator):
        self._estimator = estimator
        if hasattr(estimator, "predict_proba"):
            self.predict_proba = lambda x: estimator.predict_proba(pd.DataFrame(x))

    def fit(self, x, y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._estimator.fit(pd.DataFrame(x), y)
        return self

    def predict(self, x):
        return self._estimator.predict(pd.DataFrame(x))


def perceptron(classes, seconds, seed):
    if classes:
        network = MLPClassifier(max_iter=1000, random_state=seed)
    else:
        network = TransformedTargetRegressor(
            MLPRegressor(max_iter=1000, random_state=seed), transformer=StandardScaler()
        )
    return Framed(make_pipeline(scaled(), network))


class PlainKeras:
    """The network of a tutorial: two layers of 64, Adam, early stopping on a fifth of the data."""

    def __init__(self, classes, seed):
        self._classes = classes
        self._seed = seed

    def fit(self, x, y):
        keras = load_keras()
        keras.utils.set_random_seed(self._seed)
        self._scaler = scaled().fit(pd.DataFrame(x))
        inputs = self._scaler.transform(pd.DataFrame(x)).astype("float32")
        if self._classes:
            self._targets = LabelEncoder().fit(y)
            y, outputs = self._targets.transform(y), len(self._targets.classes_)
            head, loss = keras.layers.Dense(outputs, "softmax"), "sparse_categorical_crossentropy"
        else:
            self._targets = StandardScaler().fit(y[:, None])
            y = self._targets.transform(y[:, None])
            head, loss = keras.layers.Dense(1), "mse"
        dense = [keras.layers.Dense(64, "relu") for _ in range(2)]
        self._model = keras.Sequential([keras.Input(inputs.shape[1:]), *dense, head])
        self._model.compile("adam", loss)
        stopping = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
        self._model.fit(
            inputs, y, epochs=200, validation_split=0.2, callbacks=[stopping], verbose=0
        )
        return self

    def _outputs(self, x):
        inputs = self._scaler.transform(pd.DataFrame(x)).astype("float32")
        return self._model.predict(inputs, verbose=0)

    def predict_proba(self, x):
        return np.minimum(self._outputs(x), 1.0)  # a sum of float32 may be slightly larger

    def predict(self, x):
        if self._classes:
            return self._targets.inverse_transform(self._outputs(x).argmax(axis=1))
        return self._targets.inverse_transform(self._outputs(x))[:, 0]


class AutoKeras:
    """Begins no trial after the time limit, which it has not itself.

    The rest of a trial and the last training of the best network come on top. It reads arrays: of
    texts, if there are categories. It tells classes, and no probabilities.
    """

    def __init__(self, classes, seconds, seed):
        self._classes = classes
        self._seconds = seconds
        self._seed = seed

    def fit(self, x, y):
        load_keras()
        import autokeras

        task = (
            autokeras.StructuredDataClassifier
            if self._classes
            else autokeras.StructuredDataRegressor
        )
        self._directory = tempfile.TemporaryDirectory()  # it predicts with what it has there
        self._model = task(
            **self._columns(x),
            max_trials=1000,
            directory=self._directory.name,
            seed=self._seed,
        )
        over = threading.Timer(self._seconds, self._stop)
        over.daemon = True
        over.start()
        if self._classes:
            self._labels, y = np.unique(y, return_inverse=True)
            y = y.astype(str)
        self._model.fit(self._array(x), y, verbose=0)
        over.cancel()
        return self

    def _stop(self):
        self._model.tuner.oracle.max_trials = 1  # there were more, so that no other begins

    def _columns(self, x):
        if not isinstance(x, pd.DataFrame):
            return {}
        kinds = {
            name: "categorical" if dtype == "category" else "numerical"
            for name, dtype in x.dtypes.items()
        }
        return {"column_names": list(kinds), "column_types": kinds}

    def _array(self, x):
        frame = pd.DataFrame(x)
        if (frame.dtypes == "category").any():
            return frame.astype(object).to_numpy().astype(str)
        return frame.to_numpy(dtype="float32")

    def predict(self, x):
        predicted = self._model.predict(self._array(x), verbose=0)[:, 0]
        return self._labels[predicted.astype(int)] if self._classes else predicted


class Contender(NamedTuple):
    """How one is made, from whether targets are classes, a limit in seconds, and a seed."""

    make: Callable[..., Any]
    limited: bool
    """Whether it uses the time that it is given, rather than as long as it takes."""


ALL = {
    OURS: Contender(ours, limited=True),
    AUTOKERAS: Contender(AutoKeras, limited=True),
    "boosting": Contender(boosting, limited=False),
    "MLP": Contender(perceptron, limited=False),
    "plain Keras": Contender(lambda classes, _, seed: PlainKeras(classes, seed), limited=False),
    "constant": Contender(constant, limited=False),
}


def missing(name):
    """Why a contender cannot take part here; None if it can."""
    if name == AUTOKERAS:
        return _autokeras_missing()
    if name == OURS:
        import kerastune_lite as kt

        return None if hasattr(kt, "AutoClassifier") else "this version has no AutoClassifier"
    return None


def _autokeras_missing():
    if importlib.util.find_spec("autokeras") is None:
        return "it is not installed (pip install autokeras)"
    keras = load_keras()
    try:
        keras.layers.Dense(np.int64(1))
    except ValueError:
        return (
            f"its networks give Dense numbers of NumPy, which Keras {keras.__version__} refuses "
            "and Keras 3.12 takes"
        )
    import autokeras

    if not hasattr(autokeras, "StructuredDataClassifier"):
        return f"AutoKeras {autokeras.__version__} has nothing for tables; 3.0 has"
    return None
