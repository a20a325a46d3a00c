"""Finds data that `model.fit` certainly rejects, before the first trial.

Data that may work is accepted: if it does not, a trial fails with the message of `model.fit`.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerastune_lite._src.keras.compat.models import compile_arguments
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError
from kerastune_lite._src.util.foreign_data import columns_of

_BATCHES = (
    "DatasetV2",
    "DistributedDataset",
    "DistributedDatasetsFromFunction",
    "PyDataset",
    "DataLoader",
    "MapDataset",
    "IterDataset",
    "DataAdapter",
)
"""Names of classes whose data comes in batches, with targets and weights."""

_MAKERS = (types.FunctionType, types.MethodType, functools.partial)

_NUMBERS = (bool, int, float, np.number, np.bool_, type(None))

_LOOKED_AT = 100
"""How many items of an array of Python objects are checked."""

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Needs:
    """What the models of a search need, as far as the first one shows.

    Attributes:
        data: whether `fit` is Keras's own, whose requirements are known.
        targets: whether the loss is Keras's own, which needs `y`.
    """

    data: bool
    targets: bool


def needs_of(model: Any) -> Needs:
    """What a compiled model needs."""
    keras = load_keras()
    if not isinstance(model, keras.Model):
        return Needs(False, False)
    kind = type(model)
    own = [name for name in ("train_step", "test_step", "compute_loss") if _is_own(kind, name)]
    loss = compile_arguments(model).get("loss")
    known = isinstance(loss, str) or (
        callable(loss) and getattr(loss, "__module__", "").partition(".")[0] == "keras"
    )
    return Needs(data=not _is_own(kind, "fit"), targets=known and not own)


def _is_own(kind: type, name: str) -> bool:
    return getattr(kind, name).__module__.partition(".")[0] != "keras"


def check_data(given: Mapping[str, Any], needs: Needs) -> None:
    """Raise if `fit` cannot train on the data.

    Args:
        given: its arguments by name; data that a function makes is not known yet.

    Raises:
        FatalTypeError, FatalValueError: it cannot; the message says how to correct the data.
    """
    if not needs.data:
        return
    x, split = given.get("x"), given.get("validation_split")
    told = {name: given[name] for name in ("x", "y", "sample_weight") if name in given}
    validation = given.get("validation_data")
    if brings_batches(x):
        _check_batches(given)
        if needs.targets:
            _check_batched("x", x)
    elif not isinstance(x, _MAKERS):
        cut = bool(split) and validation is None
        _check_arrays(told, needs, cut)
        if cut:
            _check_split(told["x"], split)
        if given.get("sample_weight") is not None and given.get("class_weight") is not None:
            raise FatalValueError(
                "model.fit() takes `class_weight` or `sample_weight`, not both. Received both: "
                "multiply them into one `sample_weight`."
            )
    if validation is not None:
        _check_validation(validation, needs)


def brings_batches(x: Any) -> bool:
    """Whether data comes in batches, which include targets and weights."""
    if isinstance(x, types.GeneratorType):
        return True
    return any(kind.__name__ in _BATCHES for kind in type(x).__mro__)


def _check_batches(given: Mapping[str, Any]) -> None:
    kind = type(given["x"]).__name__
    for name in ("y", "sample_weight"):
        if given.get(name) is not None:
            raise FatalValueError(
                f"If `x` comes in batches ({kind}), `{name}` must be part of them: (x, y) or "
                f"(x, y, sample_weight). Received: `{name}` of type {type(given[name]).__name__}."
            )


def _check_batched(name: str, data: Any) -> None:
    """Refuse a tf.data dataset of single samples: `fit` takes its elements for batches.

    Args:
        name: of the argument.
    """
    specs = load_keras().tree.flatten(getattr(data, "element_spec", None))
    if any(getattr(getattr(spec, "shape", None), "rank", None) == 0 for spec in specs):
        raise FatalValueError(
            f"`{name}` must be a dataset of batches, because model.fit() takes each element for a "
            f"batch. Received single samples: {data.element_spec}. Write dataset.batch(32)."
        )


def _check_validation(validation: Any, needs: Needs) -> None:
    if brings_batches(validation):
        if needs.targets:
            _check_batched("validation_data", validation)
        return
    if callable(validation):
        return
    parts = tuple(validation) if isinstance(validation, (list, tuple)) else (validation,)
    if not 1 <= len(parts) <= 3:
        raise FatalValueError(
            "`validation_data` must be (x, y) or (x, y, sample_weight). Received: "
            f"{len(parts)} parts."
        )
    if brings_batches(parts[0]):
        return
    names = ("x", "y", "sample_weight")
    told = {f"{name} of validation_data": part for name, part in zip(names, parts)}
    _check_arrays(told, needs, cut=False)


# ---------------------------------------------------------------------- arrays


def _check_arrays(told: Mapping[str, Any], needs: Needs, cut: bool) -> None:
    """Check x, y and weights.

    Args:
        told: in this order, by their names in messages.
        cut: whether a part of each is cut off for validation.

    Raises:
        FatalTypeError, FatalValueError: one of them is invalid.
    """
    lengths: dict[str, int] = {}
    for place, (name, value) in enumerate(told.items()):
        for part, leaf in leaves(name, value):
            if leaf is None:
                continue
            _check_type(part, leaf, value)
            _check_values(part, leaf, is_target=needs.targets and place == 1)
            length = _length(part, leaf)
            if length is not None:
                lengths[part] = length
    x, *others = told.items()
    if needs.targets and x[1] is not None and (not others or others[0][1] is None):
        raise FatalValueError(
            f"The model's loss needs targets. Received {x[0]} without a `y`: write (x, y)."
        )
    _check_lengths(lengths, cut)


def _check_lengths(lengths: Mapping[str, int], cut: bool) -> None:
    if not lengths:
        return
    first, *others = lengths.values()
    shown = ", ".join(f"{name} with {length}" for name, length in lengths.items())
    if first == 0:
        raise FatalValueError(f"There must be samples to train on. Received: {shown}.")
    # Samples beyond the end of `x` are cut off with the validation part: Keras does not notice.
    if any(length < first if cut else length != first for length in others):
        raise FatalValueError(
            "All arrays must have the same number of samples, one for each of `x`. Received: "
            f"{shown}."
        )
    if any(length != first for length in others):
        logger.warning(
            "Arrays have different numbers of samples: %s. Those beyond %d are not used.",
            shown,
            first,
        )


def _check_split(x: Any, split: Any) -> None:
    length = next((_length(*leaf) for leaf in leaves("x", x) if leaf[1] is not None), None)
    if length is None or isinstance(split, bool) or not isinstance(split, (int, float)):
        return
    if math.floor(length * (1.0 - split)) in (0, length):
        raise FatalValueError(
            "`validation_split` must leave samples to train on and to validate on. Received: "
            f"validation_split={split} of {length} samples."
        )


def leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of a nested structure, with names, flattened as in Keras."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(f"{name}[{key!r}]", each)
    elif isinstance(value, (list, tuple)):
        for place, each in enumerate(value):
            yield from leaves(f"{name}[{place}]", each)
    else:
        yield name, value


def _check_type(part: str, leaf: Any, whole: Any) -> None:
    """Raise if the value is not an array, tensor or table."""
    module = type(leaf).__module__.partition(".")[0]
    is_array = hasattr(leaf, "shape") or hasattr(leaf, "__array__")
    # To Keras, standard-library objects with a shape and NumPy scalars are not arrays.
    if is_array and module not in sys.stdlib_module_names and not isinstance(leaf, np.generic):
        return
    name = part.partition("[")[0]
    if isinstance(whole, (list, tuple)):
        raise FatalTypeError(
            f"`{name}` must be an array. Received a {type(whole).__name__} of {len(whole)} items, "
            "which Keras takes for as many inputs or outputs. Convert it with np.array(...)."
        )
    raise FatalTypeError(
        f"`{name}` must be an array, a tensor, a table, or a dict or list of these. Received: "
        f"{part} of type {type(leaf).__name__}."
    )


def _length(part: str, leaf: Any) -> int | None:
    shape = getattr(leaf, "shape", None)
    if shape is None:
        return None
    if len(shape) == 0:
        raise FatalValueError(
            f"{part} must have one entry for each sample. Received: a single value."
        )
    return None if shape[0] is None else int(shape[0])


# ---------------------------------------------------------------------- values


def _check_values(part: str, leaf: Any, is_target: bool) -> None:
    """Raise for dates, and for objects and strings where numbers are needed."""
    found = _kinds(leaf)
    if "number" in found and len(found) > 1 and _becomes_numbers(leaf):
        return
    if found <= {"number"} or (found == {"text"} and not is_target):
        return
    mend = "Convert it: np.asarray(..., dtype='float32')."
    if "text" in " ".join(found):
        mend = "Turn labels into numbers: scikit-learn's LabelEncoder or OrdinalEncoder does it."
    if found == {"text of fixed length"} and not is_target:
        mend = "For a layer that takes texts, write np.asarray(..., dtype=object)."
    raise FatalTypeError(f"{part} must hold numbers. Received: {_dtype(leaf)}. {mend}")


def _becomes_numbers(table: Any) -> bool:
    """Whether Keras converts a table with columns that are not numbers.

    It converts the whole table at once if a column has floats of another precision.
    """
    floatx = load_keras().config.floatx()
    dtypes = [str(dtype).lower() for dtype in getattr(table, "dtypes", ())]
    if not any(dtype.startswith("float") and dtype != floatx for dtype in dtypes):
        return False
    try:
        table.iloc[:_LOOKED_AT].astype(floatx)
    except (TypeError, ValueError):
        return False
    return True


def _dtype(leaf: Any) -> str:
    dtypes = getattr(leaf, "dtypes", None)
    if dtypes is None or not hasattr(dtypes, "items"):
        return f"dtype {leaf.dtype}"
    return ", ".join(f"{name}: {dtype}" for name, dtype in list(dtypes.items())[:8])


def _kinds(leaf: Any) -> set[str]:
    """What is in an array: "number", "text" or "other"; "number" if unknown."""
    if isinstance(leaf, np.ndarray):
        return {_kind_of_array(leaf)}
    if type(leaf).__module__.partition(".")[0] == "pandas":
        head = leaf.iloc[:_LOOKED_AT] if hasattr(leaf, "iloc") else leaf[:_LOOKED_AT]
        if hasattr(head, "columns"):
            return {_kind_of_column(column) for _, column in columns_of(head)}
        return {_kind_of_column(head.to_numpy())}
    if str(getattr(leaf, "dtype", "")) in ("<dtype: 'string'>", "string"):
        return {"text"}
    return {"number"}


def _kind_of_array(array: np.ndarray) -> str:
    if array.dtype.kind == "O":
        items = array.reshape(-1)[:_LOOKED_AT]
        return "text" if all(isinstance(each, str) for each in items) else "other"
    if array.dtype.kind in "US":
        return "text of fixed length"
    # A type that is not NumPy's own may be TensorFlow's.
    known = array.dtype.kind != "V" or array.dtype.names is None
    return "number" if known and array.dtype.kind not in "mM" else "other"


def _kind_of_column(column: np.ndarray) -> str:
    """What is in a column; Keras accepts numbers that are stored as objects, too."""
    if column.dtype.kind in "biufc":
        return "number"
    items = [each for each in column.tolist() if isinstance(each, str) or each == each]
    if all(isinstance(each, _NUMBERS) or _is_missing(each) for each in items):
        return "number"
    return "text" if all(isinstance(each, str) for each in items) else "other"


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in ("NAType", "NaTType")
