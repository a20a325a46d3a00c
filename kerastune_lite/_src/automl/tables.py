"""Tables as arrays of float32: numbers, categories and dates, by what the training rows hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler, TargetEncoder

from kerastune_lite._src.automl.columns import (
    CATEGORY,
    DATE,
    NUMBER,
    Column,
    check_unique,
    columns_of,
    is_frame,
)

MANY = 32
"""Columns with more categories than this are also encoded by the mean target of each."""

_RARE = 4
"""Categories in fewer rows than this share one column."""

_FARTHEST = 1e6
"""Scaled numbers are cut off there."""


@dataclasses.dataclass(frozen=True)
class TableEncoder:
    """What was learned from the training rows of a table.

    Attributes:
        columns: those that are read.
        left_out: the others, name -> reason.
        width: how many columns the table has.
        numbers: of the columns of numbers and the parts of dates; None: there are none.
        one_hot: of the categories; None: there are none.
        by_target: of the columns with many categories; None: there are none.
        many: which of the categorical columns these are.
    """

    columns: Sequence[Column]
    left_out: dict[str, str]
    width: int
    numbers: Pipeline | None
    one_hot: OneHotEncoder | None
    by_target: TargetEncoder | None
    many: Sequence[int]

    @staticmethod
    def fitted(x: Any, y: np.ndarray, seed: int) -> tuple[TableEncoder, np.ndarray]:
        """Learn from training rows; returns the encoder and these rows encoded.

        The means of targets that a training row gets are those of other rows (cross-fitting, as in
        scikit-learn's `TargetEncoder`), so that networks do not learn to trust them too much.

        Args:
            x: a data frame or an array `(n, columns)`.
            y: encoded targets, for categories; `(n,)`, or `(n, outputs)`: these are not used.
            seed: of the cross-fitting.

        Raises:
            ValueError: no column can be learned from, names of columns are unusable, or there are
                infinite values.
        """
        columns, left_out = columns_of(x)
        if not columns:
            raise ValueError(
                "x must have a column that something can be learned from. Received: "
                + "; ".join(f"{name}: {why}" for name, why in left_out.items())
            )
        parts = []
        amounts, categories = _amounts(x, columns), _categories(x, columns)
        numbers = one_hot = by_target = None
        many: list[int] = []
        if amounts.shape[1]:
            numbers = _fitted_numbers(amounts)
            parts.append(_scaled(numbers, amounts))
        if categories.shape[1]:
            one_hot = OneHotEncoder(
                min_frequency=_RARE,
                max_categories=MANY,
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
                dtype=np.float32,
            )
            parts.append(one_hot.fit_transform(categories))
            many = [i for i, values in enumerate(one_hot.categories_) if len(values) > MANY]
        if many and y.ndim == 1:
            by_target, means = _fitted_by_target(categories[:, many], y, seed)
            parts.append(means)
        width = x.shape[1]
        encoder = TableEncoder(columns, left_out, width, numbers, one_hot, by_target, many)
        return encoder, np.hstack(parts)

    def transform(self, x: Any) -> np.ndarray:
        """Rows as `(n, features)` of float32.

        Columns of a data frame are found by name, in any order. Categories that were not in the
        training rows count as rare ones.

        Raises:
            ValueError: columns are missing or there twice, or values cannot be read.
        """
        self._check(x)
        parts = []
        if self.numbers is not None:
            parts.append(_scaled(self.numbers, _amounts(x, self.columns)))
        if self.one_hot is not None:
            categories = _categories(x, self.columns)
            parts.append(self.one_hot.transform(categories))
            if self.by_target is not None:
                means = self.by_target.transform(categories[:, list(self.many)])
                parts.append(means.astype(np.float32))
        return np.hstack(parts)

    def described(self) -> str:
        """What was done with the columns, as a sentence without a full stop."""
        kinds = [column.kind for column in self.columns]
        said = [f"{kinds.count(kind)} of {name}" for kind, name in _NAMES if kind in kinds]
        text = f"columns: {', '.join(said)}"
        if self.left_out:
            names = [f"{name} ({why})" for name, why in list(self.left_out.items())[:5]]
            more = len(self.left_out) - len(names)
            text += "; left out: " + ", ".join(names) + (f" and {more} more" if more else "")
        return text

    def _check(self, x: Any) -> None:
        check_unique(x)
        if is_frame(x):
            names = [column.name for column in self.columns if column.name is not None]
            missing = [name for name in names if name not in x.columns]
            if missing:
                raise ValueError(
                    f"x must have the columns that were trained on. Missing: {missing[:10]}."
                )
            if names:
                return
        if x.shape[1] != self.width:
            raise ValueError(
                f"x must have the {self.width} columns that were trained on. Received: "
                f"{x.shape[1]} columns."
            )


def _fitted_numbers(amounts: np.ndarray) -> Pipeline:
    """Scales columns of float64, fills what is missing with the median, and marks where it was.

    Numbers such as times in seconds would lose their differences in single precision. What to do
    with outliers is left to the networks.
    """
    scaler = RobustScaler(unit_variance=True)  # the median becomes 0
    imputer = SimpleImputer(strategy="constant", fill_value=0.0, add_indicator=True)
    # That nothing is missing in training, but later, is no error: the median is good enough.
    return make_pipeline(scaler, imputer).fit(amounts)


def _scaled(numbers: Pipeline, amounts: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = np.clip(numbers.transform(amounts), -_FARTHEST, _FARTHEST)
    return scaled.astype(np.float32)


def _fitted_by_target(
    categories: np.ndarray, y: np.ndarray, seed: int
) -> tuple[TargetEncoder, np.ndarray]:
    """An encoder by the means of targets, and the cross-fitted means of the training rows."""
    kind = "continuous" if y.dtype.kind == "f" else "binary" if y.max() == 1 else "multiclass"
    encoder = TargetEncoder(target_type=kind)
    if encoder.random_state is None:
        encoder.set_params(random_state=seed)  # From 1.9 on it has none, and does not shuffle.
    order = np.random.default_rng(seed).permutation(len(y))
    means = encoder.fit_transform(categories[order], y[order]).astype(np.float32)
    return encoder, means[np.argsort(order)]


_NAMES = ((NUMBER, "numbers"), (CATEGORY, "categories"), (DATE, "dates"))


def _categories(x: Any, columns: Sequence[Column]) -> np.ndarray:
    read = [column.read(x) for column in columns if column.kind == CATEGORY]
    return np.stack(read, axis=1) if read else np.zeros((len(x), 0), dtype=object)


def _amounts(x: Any, columns: Sequence[Column]) -> np.ndarray:
    """Columns of numbers, and those that dates become: float64."""
    if _is_plain(x, columns):
        amounts = np.asarray(x, dtype=np.float64)[:, [column.place for column in columns]]
        _check_finite(amounts, columns)
        return amounts
    read, of = [], []
    for column in columns:
        if column.kind == CATEGORY:
            continue
        parts = [_read(column, x)]
        if column.kind == DATE:
            parts = parts_of_dates(parts[0])
        read += parts
        of += [column] * len(parts)
    amounts = np.stack(read, axis=1) if read else np.zeros((len(x), 0))
    _check_finite(amounts, of)
    return amounts


def _is_plain(x: Any, columns: Sequence[Column]) -> bool:
    """Whether it is an array of numbers, which need not be read column by column."""
    numbers = all(column.kind == NUMBER for column in columns)
    return numbers and isinstance(x, np.ndarray) and x.dtype.kind in "iuf"


def _read(column: Column, x: Any) -> np.ndarray:
    try:
        return column.read(x)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {column.shown} held {column.kind}s in training and must do so here: {error}."
        ) from error


def _check_finite(amounts: np.ndarray, columns: Sequence[Column]) -> None:
    infinite = np.isinf(amounts).any(axis=0)
    if infinite.any():
        name = columns[int(infinite.argmax())].shown
        raise ValueError(
            f"Numbers in x must be finite or missing. Received: column {name} contains infinity. "
            "Write NaN where a value is missing."
        )


def parts_of_dates(seconds: np.ndarray) -> list[np.ndarray]:
    """The moment itself, year, month, day of the week and hour; NaN where it is missing."""
    missing = np.isnan(seconds)
    moments = np.where(missing, 0.0, seconds).astype("datetime64[s]")
    days, months = moments.astype("datetime64[D]"), moments.astype("datetime64[M]")
    parts = [
        seconds,
        moments.astype("datetime64[Y]").astype(np.float64) + 1970.0,
        months.astype(np.int64) % 12 + 1.0,
        (days.astype(np.int64) + 3) % 7 + 0.0,  # 1970 began on a Thursday; Monday is 0.
        (moments - days).astype(np.float64) / 3600.0,
    ]
    return [np.where(missing, np.nan, part) for part in parts]
