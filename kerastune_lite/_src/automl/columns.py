"""The columns of tables: data frames and arrays read in one way, each column with its kind."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

NUMBER, CATEGORY, DATE = "number", "category", "date"

_ENOUGH = 20
"""With fewer values than this it cannot be said that all categories are different by nature."""


@dataclasses.dataclass(frozen=True)
class Column:
    """How a column is read.

    Attributes:
        name: of a data frame's column; None: the column at `place` of an array.
        place: counted from 0.
        kind: NUMBER, CATEGORY or DATE.
    """

    name: Any
    place: int
    kind: str

    def read(self, table: Any) -> np.ndarray:
        """Its values `(n,)`: float64 with NaN, or texts with "" for what is missing."""
        values = _values(table, self)
        if self.kind == CATEGORY:
            return texts_of(values)
        return seconds_of(values) if self.kind == DATE else numbers_of(values)

    @property
    def shown(self) -> str:
        """Its name in messages."""
        return str(self.place) if self.name is None else str(self.name)


def is_frame(x: Any) -> bool:
    """Whether it is a pandas data frame; pandas need not be installed."""
    return hasattr(x, "columns") and hasattr(x, "iloc")


def columns_of(table: Any) -> tuple[list[Column], dict[str, str]]:
    """The columns that can be learned from, and those left out: name -> reason.

    Args:
        table: a data frame, or an array `(n, columns)`.

    Raises:
        ValueError: two columns have the same name, or a file could not hold a name.
    """
    check_names(table)
    names: Sequence[Any] = list(table.columns) if is_frame(table) else [None] * table.shape[1]
    kept, left_out = [], {}
    for place, name in enumerate(names):
        column = Column(name, place, CATEGORY)
        values = _values(table, column)
        kind = CATEGORY if _says_category(table, place) else kind_of_values(values)
        column = dataclasses.replace(column, kind=kind)
        if _is_complex(values):
            reason: str | None = "it has complex numbers"
        else:
            reason = _useless(column, column.read(table))
        if reason is None:
            kept.append(column)
        else:
            left_out[column.shown] = reason
    return kept, left_out


def check_unique(table: Any) -> None:
    """Columns are found by name.

    Raises:
        ValueError: two columns of a data frame have the same name.
    """
    twice = list(table.columns[table.columns.duplicated()]) if is_frame(table) else []
    if twice:
        raise ValueError(
            f"Each column of x must have a name of its own. Received: {twice[0]!r} more than once."
        )


def check_names(table: Any) -> None:
    """Columns are found by name later, also by a model that was saved as JSON.

    Raises:
        ValueError: two columns of a data frame have the same name, or JSON cannot hold a name.
    """
    check_unique(table)
    if not is_frame(table):
        return
    for name in table.columns:
        try:
            json.dumps(name)
        except TypeError as error:
            raise ValueError(
                f"Names of columns must be texts or numbers. Received: {name!r}, a "
                f"{type(name).__name__}. Write x.columns = x.columns.map(str)."
            ) from error


def _says_category(table: Any, place: int) -> bool:
    """Whether the user made it a column of categories, whatever its values are."""
    return is_frame(table) and getattr(table.dtypes.iloc[place], "name", "") == "category"


def _values(table: Any, column: Column) -> np.ndarray:
    if not is_frame(table):
        return np.asarray(table)[:, column.place]
    series = table.iloc[:, column.place]
    if column.name is not None and table.columns[column.place] != column.name:
        series = table[column.name]
    if series.dtype.kind in "biufmM" and isinstance(series.dtype, np.dtype):
        return np.asarray(series.to_numpy())
    if series.dtype.kind in "iuf":  # pandas' own types, which know of missing values
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if series.dtype.kind == "M":  # with a time zone
        return np.asarray(series.to_numpy(dtype="datetime64[ns]"))
    return np.asarray(series.astype(object).to_numpy())


def kind_of_values(values: np.ndarray) -> str:
    """What a column holds."""
    if values.dtype.kind == "M":
        return DATE
    if values.dtype.kind in "iufm":
        return NUMBER
    if values.dtype.kind in "OUST":
        present = values[~is_missing(values)].tolist()
        if present and all(isinstance(value, datetime.date) for value in present):
            return DATE
        if all(_is_number(value) for value in present):
            return NUMBER
    return CATEGORY


def _is_number(value: Any) -> bool:
    numbers = (int, float, np.integer, np.floating, Decimal)
    return isinstance(value, numbers) and not isinstance(value, bool)


def _is_complex(values: np.ndarray) -> bool:
    kinds = (complex, np.complexfloating)
    if values.dtype.kind == "O":
        return any(isinstance(value, kinds) for value in values.tolist())
    return values.dtype.kind == "c"


def _useless(column: Column, read: np.ndarray) -> str | None:
    """Why nothing can be learned from a column; None if something can."""
    if column.kind != CATEGORY:
        present = read[~np.isnan(read)]
        if len(present) == 0:
            return "it has no values"
        # What is missing says something, too.
        if len(present) == len(read) and bool((present == present[0]).all()):
            return "it has one value"
        return None
    different = len(set(read.tolist()))
    if different == 1:
        return "it has one value"
    if different == len(read) and different >= _ENOUGH:
        return "it has another text in each row"
    return None


# ------------------------------------------------------------------ values


def is_missing(values: np.ndarray) -> np.ndarray:
    """Where values are None, NaN, NaT or pandas' NA."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind != "O":
        return np.zeros(values.shape, bool)
    flat = [_is_none(value) for value in values.ravel().tolist()]
    return np.array(flat, bool).reshape(values.shape)


def _is_none(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, Decimal)) and value != value


def numbers_of(values: np.ndarray) -> np.ndarray:
    """Numbers as float64; NaN where they are missing.

    Raises:
        TypeError, ValueError: they are no numbers.
    """
    if values.dtype.kind == "m":
        return seconds_of(values)
    if values.dtype.kind == "O":
        values = np.where(is_missing(values), np.nan, values)
    return values.astype(np.float64)


def seconds_of(values: np.ndarray) -> np.ndarray:
    """Dates as seconds since 1970, durations as seconds; NaN where they are missing."""
    missing = is_missing(values)
    if values.dtype.kind == "O":
        plain = [None if gone else _naive(v) for v, gone in zip(values.tolist(), missing)]
        values = np.array(plain, dtype="datetime64[us]")
    unit = values.dtype.str[1]
    seconds = values.astype(f"{unit}8[us]").astype(np.int64) / 1e6
    return np.where(missing, np.nan, seconds)


def _naive(value: Any) -> Any:
    if getattr(value, "tzinfo", None) is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return np.datetime64(value)


def texts_of(values: np.ndarray) -> np.ndarray:
    """Categories as texts; "" where they are missing. 1, 1.0 and True are all "1"."""
    missing = is_missing(values).tolist()
    texts = ["" if gone else _text(value) for value, gone in zip(values.tolist(), missing)]
    return np.array(texts, dtype=object)


def _text(value: Any) -> str:
    # Whole numbers become floats where one is missing; truth values are often written as 0 and 1.
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    return str(value)
