"""Targets as networks learn them, and predictions as users know them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kerastune_lite._src.sklearn.probabilities import at_most_one


@dataclasses.dataclass(frozen=True)
class Targets:
    """How y is encoded.

    Attributes:
        task: "classification", "multilabel" or "regression".
        classes: the labels, sorted; None: there are none.
        outputs: how many columns y has; None: it has one axis.
    """

    task: str
    classes: np.ndarray | None
    outputs: int | None

    @staticmethod
    def fitted(task: str, y: np.ndarray) -> Targets:
        """Learn the labels.

        Args:
            y: `(n,)` or `(n, outputs)`.

        Raises:
            ValueError: y does not fit the task.
        """
        outputs = None if y.ndim == 1 else y.shape[1]
        if task == "classification":
            return Targets(task, _classes(y), None)
        if y.dtype.kind not in "biuf":
            y = _as_numbers(y, task)
        if task == "multilabel" and (outputs is None or not np.isin(y, (0, 1)).all()):
            raise ValueError(
                "Several labels are columns of zeros and ones, (rows, labels). Received: y of "
                f"shape {y.shape} with other values."
            )
        return Targets(task, None, outputs)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """`y` as numbers: classes from 0 as int64, the others as float32.

        Raises:
            ValueError: there is a label that was not in training.
        """
        if self.classes is None:
            return np.asarray(y if y.dtype.kind in "biuf" else _as_numbers(y, self.task), "float32")
        labels = y if self.classes.dtype.kind != "O" else y.astype(object)
        places = np.searchsorted(self.classes, labels)
        known = self.classes[np.minimum(places, len(self.classes) - 1)] == labels
        if not known.all():
            raise ValueError(
                "Labels must be among those in training. Received: "
                f"{labels[~known][0]!r}, which is not."
            )
        return places.astype(np.int64)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Labels, zeros and ones, or numbers, from what a network returns."""
        if self.classes is not None:
            labels: np.ndarray = self.classes[self.probabilities(outputs).argmax(axis=1)]
            return labels
        if self.task == "multilabel":
            return (outputs > 0.5).astype(np.int64)
        numbers = outputs.astype(np.float64)
        return numbers[:, 0] if self.outputs is None else numbers

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """`(n, classes)`, or `(n, labels)` of several labels."""
        if self.task == "regression":
            return outputs
        outputs = at_most_one(outputs)
        if self.task == "classification" and outputs.shape[1] == 1:
            return np.hstack([1.0 - outputs, outputs])
        return outputs

    def described(self) -> str:
        """What is predicted, as a sentence without a full stop."""
        if self.classes is not None:
            return f"{len(self.classes)} classes"
        if self.task == "multilabel":
            return f"{self.outputs} labels"
        return "a number" if self.outputs is None else f"{self.outputs} numbers"

    def to_json(self) -> dict[str, Any]:
        """Its values as JSON can hold them."""
        if self.classes is None:
            return {"task": self.task, "classes": None, "outputs": self.outputs}
        kind = "object" if self.classes.dtype.kind == "O" else self.classes.dtype.str
        return {"task": self.task, "classes": [kind, self.classes.tolist()], "outputs": None}

    @staticmethod
    def from_json(state: dict[str, Any]) -> Targets:
        """What `to_json` returned."""
        classes = state["classes"]
        if classes is not None:
            classes = np.array(classes[1], dtype=classes[0])
        return Targets(state["task"], classes, state["outputs"])


def _classes(y: np.ndarray) -> np.ndarray:
    if y.ndim != 1:
        raise ValueError(
            f"Classes are one column: y of shape (rows,). Received: y of shape {y.shape}."
        )
    if y.dtype.kind == "f" and bool((y != np.round(y)).any()):
        raise ValueError(
            "Classes are labels or whole numbers. Received: y with a fraction. For numbers write "
            'task="regression", or use AutoRegressor.'
        )
    try:
        classes = np.unique(y)
    except TypeError as error:
        raise ValueError(
            f"Labels must be of one type, such as all strings. Received: a mixture: {error}."
        ) from error
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least two classes. Received: y with one class, {classes[0]!r}."
        )
    return classes


def _as_numbers(y: np.ndarray, task: str) -> np.ndarray:
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y must hold numbers for the task {task!r}. Received: {error}. Write "
            'task="classification" for labels.'
        ) from error
