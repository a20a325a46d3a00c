"""Where estimators come from and go to: trials, and files without pickle.

A file is a zip archive of `model.keras` and of JSON.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.keras.archives import Archives
from kerastune_lite._src.sklearn.compat import kind_of_labels, make_callbacks, shape_of_targets
from kerastune_lite._src.sklearn.encoders import LabelEncoder, TargetEncoder
from kerastune_lite._src.sklearn.from_scikeras import is_categorical_crossentropy

_ARCHIVES = Archives("kerastune_lite estimator", 1, "estimator.json")


class Portable:
    """The methods of the estimators that scikit-learn's contract does not have."""

    @classmethod
    def from_trial(cls, model: Any, trial: Trial, **params: Any) -> Any:
        """An estimator with the hyperparameters of a tuner's trial; not fitted.

        Args:
            model: what the tuner built with: `build(hp)` or a HyperModel.
            trial: one of `tuner.get_best_trials()`, for example.
            **params: of the estimator. `epochs`, unless it was tuned, is by default the number of
                epochs up to the trial's best one.

        Raises:
            TypeError, ValueError: `trial` is not a trial, or it failed.
        """
        if not isinstance(trial, Trial):
            raise TypeError(
                f"{cls.__name__}.from_trial() takes what builds the model, and a trial. Received: "
                f"{type(trial).__name__}. Write from_trial(build, tuner.get_best_trials()[0])."
            )
        if trial.status is TrialStatus.FAILED:
            raise ValueError(
                f"from_trial() takes a trial that can be trained again. Trial {trial.trial_id} "
                f"failed: {trial.failure}. Use one of tuner.get_best_trials()."
            )
        if trial.best_step is not None and "epochs" not in trial.values:
            params.setdefault("epochs", trial.best_step + 1)
        estimator: BaseEstimator = cls
        return estimator(model, hyperparameters=dict(trial.values), **params)

    def save(self: Any, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file, without pickle.

        The file holds the Keras model and, as JSON, the labels, the shapes of the data, and the
        parameters that are plain values. Functions (such as the builder) and objects are left out.

        Args:
            path: the file; an earlier one is replaced once the new one is complete.

        Raises:
            NotFittedError: the estimator is not fitted.
            TypeError: it has its own encoders.
            OSError: the file cannot be written; an earlier one is unchanged.
        """
        check_is_fitted(self, "model_")
        _check_encoders(self)
        _ARCHIVES.write(path, _family(type(self)), self.model_, _head(self))

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        model: Any = None,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Any:
        """The estimator that `save` wrote, with the same predictions.

        No code in the file is run: Keras refuses Lambda layers and the like.

        Args:
            path: the file.
            model: what builds the model, needed only to fit the estimator again.
            custom_objects: name -> class, for your own layers.

        Raises:
            ValueError: the file is not an estimator of this class, or would need code to be run.
        """
        family = _family(cls)
        head, trained, _ = _ARCHIVES.read(path, family, cls.__name__, (), custom_objects)
        estimator = cls(**{**head["params"], "model": model})
        _fill(estimator, head["fitted"], trained)
        return estimator


def _check_encoders(estimator: BaseEstimator) -> None:
    features = estimator.feature_encoder_
    plain = type(features) is FunctionTransformer and features.func is None
    if type(estimator.target_encoder_) not in (LabelEncoder, TargetEncoder) or not plain:
        raise TypeError(
            "save() writes estimators that encode targets as KerasClassifier or KerasRegressor do, "
            f"and features not at all. Received: {type(estimator).__name__} with encoders of its "
            "own. Use joblib.dump(), whose files run code when they are loaded."
        )
    if kind_of_labels(estimator.target_encoder_) == "multiclass-multioutput":
        raise TypeError(
            "save() writes estimators that predict labels. Received one that was fitted on several "
            "columns of classes, whose labels are not defined. Use joblib.dump()."
        )


def _head(estimator: BaseEstimator) -> dict[str, Any]:
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
        "params": kept,
        "left_out": [name for name in params if name not in kept],
        "fitted": fitted,
    }


def _plain(value: Any) -> Any:
    """`value` as JSON can represent it; this function itself if it cannot."""
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


def _fill(estimator: BaseEstimator, fitted: Mapping[str, Any], trained: Any) -> None:
    """Set the attributes that `fit` had set."""
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
    """The encoder of the targets, fitted on example targets."""
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
