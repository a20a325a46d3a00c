"""What a model predicts: read off the targets, with the end of the model that fits."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kerastune_lite._src.keras.applications.arrays import SINGLE_PRECISION, unboxed
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.public import public

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers  # noqa: E402

LOSSES = {
    "binary": "binary_crossentropy",
    "classes": "sparse_categorical_crossentropy",
    "one_hot": "categorical_crossentropy",
    "labels": "binary_crossentropy",
    "numbers": "mse",
}
"""The kinds of targets, and what is minimised."""

ACTIVATIONS = {"classes": "softmax", "one_hot": "softmax", "numbers": "linear"}

_SMALLEST, _LARGEST = 1e-8, 1e8
"""Standard deviations whose fourth power is a number in single precision."""


@public("kerastune_lite.applications")
@dataclasses.dataclass(frozen=True)
class Target:
    """What a model predicts, and the end of a model that predicts it.

    `Target.of(y)` reads it off the targets:

    | `y` | kind | end of the model | loss |
    |---|---|---|---|
    | zeros and ones, or booleans | "binary" | one sigmoid | binary_crossentropy |
    | other integers: 0 to k - 1 | "classes" | softmax | sparse_categorical_crossentropy |
    | (n, k), a single one in each row | "one_hot" | softmax | categorical_crossentropy |
    | (n, k), other zeros and ones | "labels" | k sigmoids | binary_crossentropy |
    | (n,) or (n, k), other numbers | "numbers" | numbers, scaled as `y` | mse |

    Attributes:
        kind: one of the table.
        outputs: how many numbers a model returns for a sample.
        mean, deviation: of the numbers to predict: one for each output. Empty for other kinds.

    Example:
        >>> import numpy as np
        >>> from kerastune_lite.applications import Target
        >>> target = Target.of(np.array([0, 2, 1, 1]))
        >>> target.kind, target.outputs, target.loss
        ('classes', 3, 'sparse_categorical_crossentropy')
        >>> Target.of(np.array([1, 3]), kind="numbers")
        Target(kind='numbers', outputs=1, mean=(2.0,), deviation=(1.0,))
    """

    kind: str
    outputs: int
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    @classmethod
    def of(cls, y: Any, *, classes: int | None = None, kind: str | None = None) -> Target:
        """What targets are.

        Args:
            y: of shape (n,) or (n, k).
            classes: how many classes there are, if not all are in `y`.
            kind: one of "binary", "classes", "one_hot", "labels" and "numbers", if it is not the
                one that the values suggest.

        Raises:
            TypeError: `y` holds texts or other objects.
            ValueError: `y` has another shape, NaN, or a single value; or classes are not numbered
                from 0; or an argument does not fit.
        """
        values = _checked(y)
        if classes is not None and classes < 2:
            raise ValueError(f"`classes` must be 2 or more. Received: {classes!r}.")
        found = _kind(values, classes) if kind is None else kind
        if found not in LOSSES:
            raise ValueError(f"`kind` must be one of {list(LOSSES)}. Received: {kind!r}.")
        if classes is not None and found not in ("binary", "classes"):
            raise ValueError(
                "`classes` is the number of classes of integers. Received: "
                f"classes={classes!r} for targets of the kind {found!r}. Leave it out."
            )
        if found == "numbers":
            return _numbers(values)
        if found == "classes":
            return cls(found, _number_of_classes(values, classes))
        _check_zeros_and_ones(values, found)
        if classes is None:
            _check_differ(values)
        return cls(found, values.shape[1])

    @property
    def classifies(self) -> bool:
        """Whether classes or labels are predicted, and not numbers."""
        return self.kind != "numbers"

    @property
    def loss(self) -> str:
        """The loss to compile a model with."""
        return LOSSES[self.kind]

    @property
    def metrics(self) -> list[Any]:
        """The metrics to compile a model with: "accuracy", or "mae" for numbers."""
        if self.kind == "labels":  # where Keras's "accuracy" would be that of classes
            return [keras.metrics.BinaryAccuracy(name="accuracy")]
        return ["accuracy"] if self.classifies else ["mae"]

    @property
    def epsilon(self) -> float:
        """The `epsilon` of Adam and similar optimizers.

        The gradients of the mse of raw numbers are those of standardised ones times their
        variance. With an epsilon that is multiplied, too, Adam takes the same steps.
        """
        return 1e-7 * float(np.mean(np.square(self.deviation))) if self.deviation else 1e-7

    def head(self, features: Any) -> Any:
        """The last layers of a model: `features` (batch, m) to predictions (batch, outputs)."""
        activation = ACTIVATIONS.get(self.kind, "sigmoid")
        x = layers.Dense(self.outputs, activation=activation)(features)
        if self.kind == "numbers":
            x = rescaling(self.deviation, self.mean)(x)
        return x

    def predicted(self, outputs: Any) -> np.ndarray:
        """What `model.predict` returned, in the form of `y`: classes, zeros and ones, or numbers.

        Args:
            outputs: of shape (n, outputs): probabilities or numbers.
        """
        values = np.asarray(outputs)
        if self.kind == "classes":
            return values.argmax(1)
        if self.kind == "one_hot":
            return np.eye(self.outputs, dtype=int)[values.argmax(1)]
        if self.classifies:
            values = (values > 0.5).astype(int)
        return values[:, 0] if self.outputs == 1 else values


def rescaling(scale: tuple[float, ...], offset: tuple[float, ...]) -> Any:
    """A layer that scales each entry of the last axis, as plain numbers if there is only one."""
    if len(scale) == 1:
        return layers.Rescaling(scale[0], offset[0])
    return layers.Rescaling([*scale], [*offset])


def _checked(y: Any) -> np.ndarray:
    """Targets of shape (n, k) without what no model can predict."""
    values = unboxed(y)
    if values.dtype.kind not in "biuf":
        shown = np.ravel(values)[:1].tolist()
        raise TypeError(
            f"Targets must be numbers. Received: dtype {values.dtype}, such as {shown}. "
            "Turn labels into numbers with scikit-learn's LabelEncoder: "
            "y = LabelEncoder().fit_transform(y)."
        )
    if values.ndim not in (1, 2) or 0 in values.shape:
        raise ValueError(
            "Targets must be of the shape (n,) or (n, k), for one sample or more. Received: "
            f"shape {values.shape}."
        )
    unknown = int(np.sum(~np.isfinite(values)))
    if unknown:
        raise ValueError(
            f"Targets must be known. Received: {unknown} NaN or infinite of {values.size}. Leave "
            "these samples out: x, y = x[known], y[known] with known = np.isfinite(y)."
        )
    return values.reshape(len(values), -1)


def _kind(values: np.ndarray, classes: int | None) -> str:
    zeros_and_ones = bool(np.isin(values, (0, 1)).all())
    if values.shape[1] > 1:
        if not zeros_and_ones:
            return "numbers"
        return "one_hot" if bool((values.sum(1) == 1).all()) else "labels"
    if classes is not None and classes > 2:
        return "classes"
    if zeros_and_ones:
        return "binary"
    return "numbers" if values.dtype.kind == "f" and classes is None else "classes"


def _number_of_classes(values: np.ndarray, classes: int | None) -> int:
    found = np.unique(values)
    shown = ", ".join(f"{each:g}" for each in found[:5]) + (", ..." if len(found) > 5 else "")
    received = f"Received: {len(found)} different values, {shown}."
    if values.shape[1] > 1 or not np.array_equal(found, found.astype(int)):
        raise ValueError(
            f"Classes are integers, one for each sample. {received} For numbers, leave out "
            "`classes` and `kind`."
        )
    known = len(found) if classes is None else classes
    if found[0] < 0 or found[-1] >= known:
        raise ValueError(
            f"Classes are numbered from 0 to {known - 1}. {received} Number them with "
            "scikit-learn's LabelEncoder, or give the number of classes if some do not occur: "
            "Target.of(y, classes=...). If these are quantities to predict, write "
            'y.astype("float32").'
        )
    if known < 2:
        raise ValueError(f"There must be two classes or more. {received}")
    return known


def _check_zeros_and_ones(values: np.ndarray, kind: str) -> None:
    if not np.isin(values, (0, 1)).all() or (kind == "binary") != (values.shape[1] == 1):
        raise ValueError(
            f"Targets of the kind {kind!r} are zeros and ones, in "
            f"{'one column' if kind == 'binary' else 'several columns'}. Received: values from "
            f"{values.min():g} to {values.max():g} of shape {values.shape}."
        )


def _check_differ(values: np.ndarray) -> None:
    if (values == values[0, 0]).all():
        raise ValueError(
            f"There must be zeros and ones among the targets. Received: {values[0, 0]:g} only. "
            "Pass targets of both, or Target.of(y, classes=2)."
        )


def _numbers(values: np.ndarray) -> Target:
    wide = values.astype("float64")
    mean, deviation = wide.mean(0), wide.std(0)
    for place in np.flatnonzero(deviation <= SINGLE_PRECISION * np.abs(mean)):
        raise ValueError(
            "Numbers to predict must differ, in single precision. Received: "
            f"{mean[place]:g} in column {place}, with a standard deviation of "
            f"{deviation[place]:g}. Leave the column out, or subtract its mean."
        )
    for each in deviation[(deviation < _SMALLEST) | (deviation > _LARGEST)]:
        raise ValueError(
            f"Numbers to predict must have a standard deviation of {_SMALLEST:g} to {_LARGEST:g}, "
            f"in single precision. Received: {each:g}. Predict them in another unit: y / {each:g}."
        )
    return Target("numbers", values.shape[1], tuple(mean.tolist()), tuple(deviation.tolist()))
