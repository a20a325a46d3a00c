"""What simple models reach on the validation rows: the reason to train networks, or not to."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite._src.automl.rows import Rows
from kerastune_lite._src.automl.scoring import loss_of, score_of
from kerastune_lite._src.util.threads import one_thread

_NUMBERS = 2_000_000
"""Linear models learn from at most so many numbers, to leave the time to networks."""


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A simple model's result on the validation rows; its name, loss and score."""

    name: str
    loss: float
    score: float


def baselines(task: str, kind: str, train: Rows, validation: Rows, classes: int) -> list[Baseline]:
    """A constant prediction and a linear model.

    Args:
        task: "classification", "multilabel" or "regression".
        kind: of x.
        train, validation: encoded rows.
        classes: how many; 0 if there are none.
    """
    found = []
    for name, predicted in (
        (_CONSTANT[task], _constant(task, train, len(validation), classes)),
        (_linear_name(task, kind), _linear(task, kind, train, validation.x, classes)),
    ):
        y, weights = validation.y, validation.weights
        loss, score = (judge(task, y, predicted, weights) for judge in (loss_of, score_of))
        found.append(Baseline(name, loss, score))
    return found


_CONSTANT = {
    "classification": "most frequent class",
    "multilabel": "most frequent value of each label",
    "regression": "mean",
}


def _constant(task: str, train: Rows, count: int, classes: int) -> np.ndarray:
    if task == "classification":
        shares = np.bincount(train.y, weights=train.weights, minlength=classes)
        means = shares / max(shares.sum(), 1e-9)
    else:
        means = np.average(train.y.reshape(len(train), -1), axis=0, weights=train.weights)
    return np.repeat(means[np.newaxis], count, axis=0)


def _linear_name(task: str, kind: str) -> str:
    words = "TF-IDF and " if kind == "text" else ""
    return words + ("ridge regression" if task == "regression" else "logistic regression")


@one_thread()
def _linear(task: str, kind: str, train: Rows, x: Any, classes: int) -> np.ndarray:
    if kind != "text":
        most = max(_NUMBERS // math.prod(train.x.shape[1:]), 100)
        train = train.first(most)
        x = x.reshape(len(x), -1)
        train = Rows(train.x.reshape(len(train), -1), train.y, train.weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if task == "regression":
            y = train.y.reshape(len(train), -1)
            model = _fitted(kind, Ridge(alpha=1.0), train, y)
            return np.asarray(model.predict(x)).reshape(len(x), -1)
        if task == "classification":
            return _probabilities(kind, train, train.y, x, classes)
        columns = [_probabilities(kind, train, y, x, 2)[:, 1] for y in train.y.T.astype(np.int64)]
        return np.stack(columns, axis=1)


def _probabilities(kind: str, train: Rows, y: np.ndarray, x: Any, classes: int) -> np.ndarray:
    found = np.zeros((len(x), classes))
    present = np.unique(y)
    if len(present) == 1:
        found[:, present[0]] = 1.0
        return found
    model = _fitted(kind, LogisticRegression(max_iter=100), train, y)
    found[:, model.classes_] = model.predict_proba(x)
    return found


def _fitted(kind: str, model: Any, train: Rows, y: np.ndarray) -> Any:
    before: Callable[[], Any] = _words if kind == "text" else StandardScaler
    name = type(model).__name__.lower()
    weights = {} if train.weights is None else {f"{name}__sample_weight": train.weights}
    return make_pipeline(before(), model).fit(train.x, y, **weights)


def _words() -> Any:
    return TfidfVectorizer(max_features=20_000, token_pattern=r"(?u)\b\w+\b", dtype=np.float32)
