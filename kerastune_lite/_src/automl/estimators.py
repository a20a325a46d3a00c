"""`AutoClassifier` and `AutoRegressor`: estimators that find their network themselves."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from kerastune_lite._src.automl.clock import Clock
from kerastune_lite._src.automl.columns import check_unique, is_frame
from kerastune_lite._src.automl.learning import Learned, Settings, learn
from kerastune_lite._src.automl.looking import without_objects
from kerastune_lite._src.automl.saving import load_learned, save_learned
from kerastune_lite._src.sklearn.class_weights import weights_of_classes
from kerastune_lite._src.sklearn.compat import checked_weights
from kerastune_lite._src.sklearn.seeding import RandomState, seed_of_fit
from kerastune_lite._src.util.public import public


class AutoEstimator(BaseEstimator):
    """What both estimators have in common."""

    def __init__(
        self,
        *,
        time_limit: float | None = 60.0,
        max_trials: int | None = None,
        kind: str | None = None,
        epochs: int | None = None,
        ensemble: bool = True,
        random_state: RandomState = None,
        directory: Any = None,
        verbose: int = 0,
    ) -> None:
        self.time_limit = time_limit
        self.max_trials = max_trials
        self.kind = kind
        self.epochs = epochs
        self.ensemble = ensemble
        self.random_state = random_state
        self.directory = directory
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = tags.input_tags.categorical = tags.input_tags.allow_nan = True
        tags.target_tags.required = tags.target_tags.multi_output = True
        tags.non_deterministic = self.time_limit is not None
        return tags

    def _learn(self, X: Any, y: np.ndarray, weights: Any, task: str, class_weight: Any) -> Any:
        settings = Settings(
            kind=self.kind,
            task=task,
            time_limit=self.time_limit,
            max_trials=self.max_trials,
            epochs=self.epochs,
            ensemble=self.ensemble,
            seed=seed_of_fit(self.random_state),
            directory=self.directory,
            verbose=self.verbose,
        )
        clock = Clock(settings.time_limit)
        X = self._samples(X, reset=True)
        check_consistent_length(X, y)
        if weights is not None:
            weights = checked_weights(weights, X)
        if class_weight is not None:
            of_classes = weights_of_classes(class_weight, y)
            weights = of_classes if weights is None else weights * of_classes
        self._adopt(learn(X, y, settings, weights, clock=clock))
        return self

    def _adopt(self, learned: Learned) -> None:
        if learned.scratch is not None:
            learned.scratch.remove()
        self.model_ = learned.model
        self.trials_ = list(learned.trials)
        self._learned = Learned(learned.encoder, learned.targets, learned.model, learned.story)

    def _samples(self, X: Any, reset: bool) -> Any:
        """X as it is, checked as scikit-learn checks it."""
        if is_frame(X):
            check_unique(X)
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        texts = isinstance(X, (list, tuple)) and len(X) > 0 and isinstance(X[0], str)
        if texts or (
            getattr(X, "ndim", 2) == 1 and getattr(X, "dtype", np.dtype("f")).kind in "OU"
        ):
            return np.asarray(X, dtype=object)
        array = check_array(
            X, dtype=None, allow_nd=True, ensure_all_finite="allow-nan", estimator=self
        )
        validate_data(self, array, reset=reset, skip_check_array=True)
        return array

    def predict(self, X: Any) -> np.ndarray:
        """The predicted labels or numbers.

        Args:
            X: samples like those of `fit`. Columns of numbers may have missing values, and columns
                of categories new ones.

        Returns:
            `(n,)`, or `(n, outputs)` if y has several columns.
        """
        check_is_fitted(self, "model_")
        return self._learned.predict(self._samples(X, reset=False))

    def report(self) -> str:
        """What the data was taken for, what was tried, and what was found, as a text."""
        check_is_fitted(self, "model_")
        return self._learned.story.text()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file, without pickle.

        The file holds the Keras model, what was learned of the columns, the report, and the
        parameters that are plain values; it does not hold `trials_`.

        Args:
            path: the file; an earlier one is replaced once the new one is complete.

        Raises:
            NotFittedError: the estimator is not fitted.
            OSError: the file cannot be written; an earlier one is unchanged.
        """
        check_is_fitted(self, "model_")
        names = {
            "n_features_in_": getattr(self, "n_features_in_", None),
            "feature_names_in_": list(getattr(self, "feature_names_in_", ())),
        }
        save_learned(path, self._learned, type(self).__name__, self.get_params(), names)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Any:
        """The estimator that `save` wrote, with the same predictions; no code in it is run.

        Args:
            path: the file.

        Raises:
            ValueError: the file is not an estimator of this class, or would need code to be run.
        """
        learned, params, names = load_learned(path, cls.__name__)
        estimator: Any = cls(**params)
        estimator._adopt(learned)
        estimator._note(learned)
        if names["n_features_in_"] is not None:
            estimator.n_features_in_ = names["n_features_in_"]
        if names["feature_names_in_"]:
            estimator.feature_names_in_ = np.asarray(names["feature_names_in_"], dtype=object)
        return estimator

    def _note(self, learned: Learned) -> None:
        """Set the attributes that only one kind of estimator has."""


@public("kerastune_lite")
class AutoClassifier(ClassifierMixin, AutoEstimator):
    """A classifier that finds its network itself: fit, predict, and nothing else to decide.

    It takes tables (data frames with numbers, categories and dates, or arrays), images, series and
    texts, encodes them, searches for good networks until the time is over, and averages the best.

    Args:
        time_limit: seconds that `fit` may take; at most one epoch longer. None: as long as
            `max_trials` trials take.
        max_trials: how many networks are tried; None: as many as the time allows. Results are
            reproducible only with this and `time_limit=None`.
        kind: "table", "image", "series" or "text"; None: found out from X.
        epochs: the most that a network trains; it ends earlier if it does not improve. None: 60 for
            tables, 30 for images and series, 10 for texts, and fewer if they take long.
        ensemble: whether the model is an average of several networks (Caruana et al., 2004), and
            of such that are finally trained on all rows, if there is time; otherwise the best one.
        class_weight: label -> weight, or "balanced"; multiplied with `sample_weight`.
        random_state: an int makes a search reproducible if `max_trials` alone limits it.
        directory: where the search is kept, for TensorBoard and to be resumed with the same rows;
            without `random_state` the seed is 0 then. None: it is not kept.
        verbose: 0 silent; 1 what is found and live progress; 2 a line per trial.

    Attributes:
        model_: one Keras model, of encoded samples.
        classes_: the labels, sorted; of several labels the columns' numbers.
        trials_: the trials of the search, the best first.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> x, y = load_iris(return_X_y=True)
        >>> net = kt.AutoClassifier(time_limit=None, max_trials=1, epochs=2, random_state=0)
        >>> net.fit(x, y).predict_proba(x).shape
        (150, 3)
    """

    def __init__(
        self,
        *,
        time_limit: float | None = 60.0,
        max_trials: int | None = None,
        kind: str | None = None,
        epochs: int | None = None,
        ensemble: bool = True,
        class_weight: Any = None,
        random_state: RandomState = None,
        directory: Any = None,
        verbose: int = 0,
    ) -> None:
        # All of them stand in the signature, because scikit-learn reads it.
        super().__init__(
            time_limit=time_limit,
            max_trials=max_trials,
            kind=kind,
            epochs=epochs,
            ensemble=ensemble,
            random_state=random_state,
            directory=directory,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> AutoClassifier:
        """Search for a model.

        Args:
            X: `(n, columns)`, a data frame or an array; images `(n, height, width)` or `(n, height,
                width, channels)`; series `(n, steps, features)`; or a list of texts.
            y: `(n,)` labels of any type, or `(n, labels)` of 0 and 1.
            sample_weight: `(n,)`.

        Raises:
            TypeError, ValueError: the data or a parameter is invalid.
        """
        if y is None:
            raise ValueError("AutoClassifier requires y to be passed, but the target y is None.")
        y = check_array(without_objects(y), ensure_2d=False, dtype=None, input_name="y")
        check_classification_targets(y)
        several = type_of_target(y) == "multilabel-indicator"
        labels = np.asarray(y) if several else column_or_1d(y, warn=True)
        task = "multilabel" if several else "classification"
        self._learn(X, labels, sample_weight, task, self.class_weight)
        self._note(self._learned)
        return self

    def _note(self, learned: Learned) -> None:
        classes, outputs = learned.targets.classes, learned.targets.outputs
        self.classes_: Any = np.arange(outputs or 0) if classes is None else classes

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class for each sample.

        Args:
            X: as for `predict`.

        Returns:
            `(n, classes)`, in the order of `classes_`; of several labels that of each.
        """
        check_is_fitted(self, "model_")
        return self._learned.outputs(self._samples(X, reset=False))


@public("kerastune_lite")
class AutoRegressor(RegressorMixin, AutoEstimator):
    """A regressor that finds its network itself: fit, predict, and nothing else to decide.

    It takes the same samples as `AutoClassifier`.

    Args:
        time_limit: seconds that `fit` may take; at most one epoch longer. None: as long as
            `max_trials` trials take.
        max_trials: how many networks are tried; None: as many as the time allows.
        kind: "table", "image", "series" or "text"; None: found out from X.
        epochs: the most that a network trains; it ends earlier if it does not improve. None: 60 for
            tables, 30 for images and series, 10 for texts, and fewer if they take long.
        ensemble: whether the model is an average of several networks (Caruana et al., 2004), and
            of such that are finally trained on all rows, if there is time; otherwise the best one.
        random_state: an int makes a search reproducible if `max_trials` alone limits it.
        directory: where the search is kept, for TensorBoard and to be resumed with the same rows;
            without `random_state` the seed is 0 then. None: it is not kept.
        verbose: 0 silent; 1 what is found and live progress; 2 a line per trial.

    Attributes:
        model_: one Keras model, of encoded samples.
        trials_: the trials of the search, the best first.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> x, y = load_diabetes(return_X_y=True)
        >>> net = kt.AutoRegressor(time_limit=None, max_trials=1, epochs=2, random_state=0)
        >>> net.fit(x, y).predict(x).shape
        (442,)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> AutoRegressor:
        """Search for a model.

        Args:
            X: as for `AutoClassifier`.
            y: `(n,)` or `(n, outputs)` of numbers.
            sample_weight: `(n,)`.

        Raises:
            TypeError, ValueError: the data or a parameter is invalid.
        """
        if y is None:
            raise ValueError("AutoRegressor requires y to be passed, but the target y is None.")
        if np.asarray(y).dtype.kind in "US":
            raise ValueError(
                "AutoRegressor predicts numbers. Received: y with texts. For labels use "
                "AutoClassifier; numbers that are texts become numbers with y.astype(float)."
            )
        numbers = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        if numbers.ndim == 2 and numbers.shape[1] == 1:
            numbers = column_or_1d(numbers, warn=True)
        self._learn(X, numbers, sample_weight, "regression", None)
        return self
