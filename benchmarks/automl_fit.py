"""A fit of `automl.py`, for a process that loads Keras with this module, before the clock runs."""

import contextlib
import io
import time

import automl_contenders as contenders
import automl_data as data
import numpy as np
from quiet_keras import load_keras
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

load_keras()


def fitted(table, name, split, limit):
    """A row: what was fitted, its scores on the test data, and the seconds of `fit`."""
    classes = data.table(table).classes
    x, x_test, y, y_test = data.split(table, split)
    estimator = contenders.ALL[name].make(classes, limit, split)
    with contextlib.redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        estimator.fit(x, y)
        seconds = time.perf_counter() - began
        scores = scored(estimator, x_test, y_test, np.unique(y) if classes else None)
    return {
        "data": table,
        "contender": name,
        "split": split,
        "limit": limit,
        "test share": len(y_test) / len(y),
        "seconds": round(seconds, 3),
        **{score: round(float(number), 5) for score, number in scores.items()},
    }


def scored(estimator, x, y, labels):
    """Scores by name, the most important first."""
    predicted = np.asarray(estimator.predict(x))
    if labels is None:
        predicted = predicted.reshape(-1)
        return {"R2": r2_score(y, predicted), "RMSE": root_mean_squared_error(y, predicted)}
    scores = {"accuracy": accuracy_score(y, predicted)}
    if hasattr(estimator, "predict_proba"):
        scores["log loss"] = log_loss(y, estimator.predict_proba(x), labels=labels)
    return scores
