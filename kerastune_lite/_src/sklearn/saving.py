"""Fitted estimators in a file without pickle: a zip archive of `model.keras` and of JSON."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.sklearn.compat import kind_of_labels, make_callbacks, shape_of_targets
from kerastune_lite._src.sklearn.encoders import LabelEncoder, TargetEncoder
from kerastune_lite._src.sklearn.from_scikeras import is_categorical_crossentropy
from kerastune_lite._src.util.threads import in_turn
from kerastune_lite._src.util.whole_files import whole

keras = load_keras()

_FORMAT, _VERSION = "kerastune_lite estimator", 1
_HEAD, _MODEL = "estimator.json", "model.keras"


@in_turn
def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator to one file, atomically.

    Raises:
        NotFittedError: it was not fitted.
        TypeError: it encodes its data in a way of its own.
        OSError: the file cannot be written; an earlier one is untouched.
    """
    check_is_fitted(estimator, "model_")
    _check_encoders(estimator)
    path = Path(path)
    head = json.dumps(_head(estimator))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / _MODEL
        with warnings.catch_warnings():
            # Between Keras and TensorFlow, about their own conversions to NumPy.
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            estimator.model_.save(model)
        with (
            whole(path, f".{path.name}.{os.getpid()}") as scratch,
            zipfile.ZipFile(scratch, "w") as archive,
        ):
            archive.writestr(_HEAD, head)
            archive.write(model, _MODEL)


def _check_encoders(estimator: Any) -> None:
    features = estimator.feature_encoder_
    plain = type(features) is FunctionTransformer and features.func is None
    if type(estimator.target_encoder_) not in (LabelEncoder, TargetEncoder) or not plain:
        raise TypeError(
            "save() keeps estimators that encode targets as KerasClassifier and KerasRegressor do, "
            f"and features not at all. Received: {type(estimator).__name__} with encoders of its "
            "own. Use joblib.dump(), whose files are for people who trust you."
        )
    if kind_of_labels(estimator.target_encoder_) == "multiclass-multioutput":
        raise TypeError(
            "save() keeps estimators that predict labels. Received one that was fitted on several "
            "columns of classes, whose labels are not defined. Use joblib.dump()."
        )


def _head(estimator: Any) -> dict[str, Any]:
    params = {name: _plain(value) for name, value in estimator.get_params(deep=False).items()}
    kept = {name: value for name, value in params.items() if value is not _plain}
    encoder = estimator.target_encoder_
    fitted: dict[str, Any] = {
        "X": [estimator.X_dtype_.str, list(estimator.X_shape_)],
        "y": [_dtype(estimator.y_dtype_), list(shape_of_targets(encoder))],
        "target_type": estimator.target_type_,
        "feature_names": list(getattr(estimator, "feature_names_in_", ())),
        "history": {name: _plain(values) for name, values in estimator.history_.items()},
        "hyperparameters": dict(getattr(estimator, "hyperparameters_", {})),
    }
    if isinstance(encoder, LabelEncoder):
        classes = np.asarray(encoder.classes_)
        fitted["classes"] = [_dtype(classes.dtype), classes.tolist()]
        fitted["labels"] = kind_of_labels(encoder)
        fitted["one_hot"] = bool(is_categorical_crossentropy(encoder.loss))
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "class": _family(type(estimator)),
        "params": kept,
        "left_out": [name for name in params if name not in kept],
        "fitted": fitted,
    }


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it; this function itself if it cannot."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        items = [_plain(each) for each in value]
        return _plain if _plain in items else items
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        named = {name: _plain(each) for name, each in value.items()}
        return _plain if _plain in named.values() else named
    return _plain


def _dtype(dtype: np.dtype[Any]) -> str:
    return "object" if dtype.kind == "O" else dtype.str


def _family(kind: type) -> str:
    return next(c.__name__ for c in kind.__mro__ if c.__name__ in _FAMILIES)


_FAMILIES = ("KerasClassifier", "KerasRegressor")


def load(
    kind: type, path: str | os.PathLike[str], model: Any, custom_objects: Mapping[str, Any] | None
) -> Any:
    """The estimator that `save` wrote.

    Args:
        kind: the class of estimators.
        model: what it is built with if it is to be fitted again.
        custom_objects: for Keras.

    Raises:
        ValueError: the file is no such estimator.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                head = json.loads(archive.read(_HEAD))
                file = Path(folder) / _MODEL
                file.write_bytes(archive.read(_MODEL))
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ValueError(
                f"load() reads what save() of an estimator wrote. {path} is something else, or "
                f"damaged: {error}."
            ) from error
        _check_head(head, kind, path)
        trained = keras.saving.load_model(file, custom_objects=custom_objects, safe_mode=True)
    estimator = kind(**{**head["params"], "model": model})
    _fill(estimator, head["fitted"], trained)
    return estimator


def _check_head(head: Any, kind: type, path: Any) -> None:
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise ValueError(f"load() reads what save() of an estimator wrote. {path} is another file.")
    if head["version"] > _VERSION:
        raise ValueError(
            f"{path} was written by a later version of kerastune_lite. Install that one."
        )
    if head["class"] != _family(kind):
        raise ValueError(
            f"{path} holds a {head['class']}. Received: {kind.__name__}.load(). Write "
            f"{head['class']}.load({str(path)!r})."
        )


def _fill(estimator: Any, fitted: Mapping[str, Any], trained: Any) -> None:
    """Have an estimator be as it was after `fit`."""
    dtype, shape = fitted["X"]
    estimator.X_dtype_, estimator.X_shape_ = np.dtype(dtype), tuple(shape)
    estimator.n_features_in_ = shape[1]
    if fitted["feature_names"]:
        estimator.feature_names_in_ = np.asarray(fitted["feature_names"], dtype=object)
    dtype, shape = fitted["y"]
    estimator.target_type_ = fitted["target_type"]
    estimator.y_dtype_, estimator.y_ndim_ = np.dtype(dtype), len(shape)
    estimator._encode_with(_encoder(fitted))
    estimator.feature_encoder_ = estimator.feature_encoder.fit(np.zeros((1, 1)))
    estimator.model_ = trained
    estimator.history_ = defaultdict(list, fitted["history"])
    if fitted["hyperparameters"]:
        estimator.hyperparameters_ = fitted["hyperparameters"]
    estimator._random_state = None
    make_callbacks(estimator)


def _encoder(fitted: Mapping[str, Any]) -> Any:
    """The encoder of targets, fitted on an example of them."""
    dtype, shape = fitted["y"]
    if "classes" not in fitted:
        return TargetEncoder().fit(np.zeros(shape, dtype))
    classes = np.array(fitted["classes"][1], dtype=fitted["classes"][0])
    if fitted["labels"] == "multiclass-onehot":
        example = np.eye(shape[1], dtype=dtype)
    elif fitted["labels"] == "multilabel-indicator":
        example = np.stack([np.zeros(shape[1], dtype), np.ones(shape[1], dtype)])
    else:
        example = classes.reshape(-1, *shape[1:])
    loss = "categorical_crossentropy" if fitted["one_hot"] else None
    return LabelEncoder(loss=loss).fit(example)
