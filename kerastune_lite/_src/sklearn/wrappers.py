"""`KerasClassifier` and `KerasRegressor`: Keras models as scikit-learn's estimators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.multiclass import type_of_target

from kerastune_lite._src.sklearn.class_weights import weights_of_classes
from kerastune_lite._src.sklearn.compat import checked_weights
from kerastune_lite._src.sklearn.encoders import LabelEncoder, TargetEncoder
from kerastune_lite._src.sklearn.from_scikeras import BaseWrapper
from kerastune_lite._src.sklearn.probabilities import at_most_one
from kerastune_lite._src.sklearn.seeding import RandomState
from kerastune_lite._src.sklearn.wrapper import KerasWrapper
from kerastune_lite._src.util.public import public


@public("kerastune_lite.sklearn")
class KerasClassifier(ClassifierMixin, KerasWrapper):
    """A Keras model as a scikit-learn classifier.

    Args:
        model: a function `build(hp)` or a HyperModel; or, as in scikeras, a function of `meta`,
            `compile_kwargs` and its own parameters, or a compiled model. If a function takes `meta`
            besides `hp`, `meta` is a dict of facts about the data: `n_features_in_`, `n_classes_`,
            `target_type_`.
        hyperparameters: values for `hp` by name; missing ones have their defaults. `hp__units=64`
            is the same as `hyperparameters={"units": 64}`, and is how searches set them.
            `batch_size` and `epochs`, if `build` asks for them, are passed to `Model.fit`.
        class_weight: label -> weight, or "balanced"; multiplied with `sample_weight`. A label
            without a key has the weight 1.
        fast: False trains with `Model.fit` itself; True uses faster ways to the same result.
        build_fn: an old name of `model`.
        warm_start: whether `fit` continues with the model of the previous fit.
        random_state: an int makes training reproducible; None draws a seed from NumPy's generator.
        optimizer, loss, metrics, run_eagerly: for a builder that does not compile, or that takes
            `compile_kwargs`. `loss` also decides how labels are encoded.
        batch_size, validation_batch_size, validation_split, shuffle, callbacks, verbose, epochs:
            of `Model.fit`; a batch size of -1 is all samples.
        **kwargs: `hp__<name>`; scikeras's `model__`, `fit__`, `predict__`, `compile__`,
            `optimizer__`, `loss__`, `metrics__`, `callbacks__`; and arguments of the builder.

    Attributes:
        model_: the Keras model.
        history_: metric -> list with a number per epoch.
        hyperparameters_: what `build(hp)` asked for, with its values.
        training_path_: how the model was trained (docs/training.md).
        training_path_reason_: why not on a faster path; None where there is nothing to explain.
        classes_: the labels, sorted.

    Example:
        >>> import keras
        >>> from kerastune_lite.sklearn import KerasClassifier
        >>> def build(hp):
        ...     units = hp.Int("units", 2, 16)
        ...     layers = [keras.layers.Dense(units), keras.layers.Dense(1, activation="sigmoid")]
        ...     model = keras.Sequential(layers)
        ...     model.compile(loss="binary_crossentropy")
        ...     return model
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"]
        >>> net = KerasClassifier(build, hp__units=4, epochs=2, random_state=0).fit(x, y)
        >>> net.classes_.tolist(), net.predict_proba(x).shape, net.hyperparameters_
        (['no', 'yes'], (4, 2), {'units': 4})
    """

    def __init__(
        self,
        model: Any = None,
        *,
        hyperparameters: Mapping[str, Any] | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        fast: bool = True,
        build_fn: Any = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        verbose: int | str = 0,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            model,
            hyperparameters=hyperparameters,
            fast=fast,
            build_fn=build_fn,
            warm_start=warm_start,
            random_state=random_state,
            optimizer=optimizer,
            loss=loss,
            metrics=metrics,
            batch_size=batch_size,
            validation_batch_size=validation_batch_size,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            shuffle=shuffle,
            run_eagerly=run_eagerly,
            epochs=epochs,
            **kwargs,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        tags.classifier_tags.multi_label = True
        return tags

    score = KerasWrapper.score  # the mixin's would not call `scorer`

    @staticmethod
    def scorer(y_true: Any, y_pred: Any, **kwargs: Any) -> float:
        """What `score` computes from `y_true` and `y_pred`: accuracy; override it for another."""
        return float(accuracy_score(y_true, y_pred, **kwargs))

    @property
    def _fit_kwargs(self) -> set[str]:
        # Weights of classes are passed as weights of samples.
        names: set[str] = BaseWrapper._fit_kwargs - {"class_weight"}
        return names

    def _type_of_target(self, y: np.ndarray) -> str:
        kind: str = type_of_target(y)
        classes = getattr(self, "classes_", None)
        if kind == "binary" and classes is not None:
            # Some classes may not be among the samples.
            kind = type_of_target(classes)
        return kind

    @property
    def target_encoder(self) -> Any:
        """The encoder of labels; override it to encode them differently."""
        classes = getattr(self, "classes_", None)
        categories = "auto" if classes is None else [np.sort(classes)]
        return LabelEncoder(loss=self.loss, categories=categories)

    def initialize(self, X: Any, y: Any = None) -> KerasClassifier:
        """Build the model without training it, for example to load weights.

        Args:
            X, y: as for `fit`.
        """
        self.classes_: Any = None
        super().initialize(X, y)
        return self

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> KerasClassifier:
        """Build a model and train it.

        Args:
            X: `(n, features)`, or with more axes.
            y: `(n,)` labels of any type, or `(n, labels)` of 0 and 1.
            sample_weight: `(n,)`.
            **kwargs: for `Model.fit`; they override the estimator's parameters.

        Raises:
            TypeError, ValueError: the data or the parameters are invalid.
        """
        if not (self.warm_start and self.initialized_):
            self.classes_ = None
        super().fit(X, y, self._weights(X, y, sample_weight, kwargs), **kwargs)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> KerasClassifier:
        """Train for one more epoch.

        Args:
            X, y, sample_weight, **kwargs: as for `fit`.
            classes: all labels that later calls may have; default: those of the first call.
        """
        known = getattr(self, "classes_", None)
        self.classes_ = known if classes is None else np.asarray(classes)
        weights = self._weights(X, y, sample_weight, kwargs)
        super().partial_fit(X, y, weights, **kwargs)
        return self

    def predict_proba(self, X: Any, **kwargs: Any) -> np.ndarray:
        """The probability of each class for each sample.

        Args:
            X: `(n, features)`, or with more axes.
            **kwargs: for `Model.predict`.

        Returns:
            `(n, classes)`, in the order of `classes_`.
        """
        outputs = self._predict_raw(X, **kwargs)
        probabilities: np.ndarray = self.target_encoder_.inverse_transform(
            outputs, return_proba=True
        )
        return at_most_one(probabilities)

    def _weights(self, X: Any, y: Any, sample_weight: Any, kwargs: dict[str, Any]) -> Any:
        """Weights of samples, with those of classes, which are removed from `kwargs`."""
        routed = getattr(self, "fit__class_weight", None)
        parameter = self.class_weight if routed is None else routed
        class_weight = kwargs.pop("class_weight", parameter)
        if class_weight is None or y is None:
            return sample_weight
        whole = None if self._assignment is None else self._assignment.y
        weights = weights_of_classes(class_weight, y, self.classes_, whole)
        if sample_weight is None:
            return weights
        return weights * checked_weights(sample_weight, X)


@public("kerastune_lite.sklearn")
class KerasRegressor(RegressorMixin, KerasWrapper):
    """A Keras model as a scikit-learn regressor.

    Args:
        model: a function `build(hp)` or a HyperModel; or, as in scikeras, a function of `meta`,
            `compile_kwargs` and its own parameters, or a compiled model (see `KerasClassifier`).
        hyperparameters: values for `hp` by name; missing ones have their defaults. `hp__units=64`
            is the same as `hyperparameters={"units": 64}`.
        fast: False trains with `Model.fit` itself; True uses faster ways to the same result.
        build_fn: an old name of `model`.
        warm_start: whether `fit` continues with the model of the previous fit.
        random_state: an int makes training reproducible; None draws a seed from NumPy's generator.
        optimizer, loss, metrics, run_eagerly: for a builder that does not compile, or that takes
            `compile_kwargs`.
        batch_size, validation_batch_size, validation_split, shuffle, callbacks, verbose, epochs:
            of `Model.fit`; a batch size of -1 is all samples.
        **kwargs: `hp__<name>`, scikeras's prefixes, and arguments of the builder.

    The attributes are those of `KerasClassifier` without `classes_`.

    Example:
        >>> import keras
        >>> from kerastune_lite.sklearn import KerasRegressor
        >>> def build(hp):
        ...     layers = [keras.layers.Dense(hp.Int("units", 2, 16)), keras.layers.Dense(1)]
        ...     model = keras.Sequential(layers)
        ...     model.compile(loss="mse")
        ...     return model
        >>> net = KerasRegressor(build, hp__units=4, epochs=2, random_state=0)
        >>> net.fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0]).predict([[3.0]]).shape
        (1,)
    """

    # scikit-learn reads the parameters off this signature, so both classes repeat them.
    def __init__(
        self,
        model: Any = None,
        *,
        hyperparameters: Mapping[str, Any] | None = None,
        fast: bool = True,
        build_fn: Any = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        verbose: int | str = 0,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            model,
            hyperparameters=hyperparameters,
            fast=fast,
            build_fn=build_fn,
            warm_start=warm_start,
            random_state=random_state,
            optimizer=optimizer,
            loss=loss,
            metrics=metrics,
            batch_size=batch_size,
            validation_batch_size=validation_batch_size,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            shuffle=shuffle,
            run_eagerly=run_eagerly,
            epochs=epochs,
            **kwargs,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    score = KerasWrapper.score  # the mixin's would not call `scorer`

    @staticmethod
    def scorer(y_true: Any, y_pred: Any, **kwargs: Any) -> float:
        """What `score` computes from `y_true` and `y_pred`: R²; override it for another."""
        return float(r2_score(y_true, y_pred, **kwargs))

    @property
    def target_encoder(self) -> Any:
        """The encoder of targets; override it to encode them differently."""
        return TargetEncoder()

    def _type_of_target(self, y: np.ndarray) -> str:
        # Integers are numbers, not classes, even if there are only a few different ones.
        return "continuous" if y.ndim == 1 or y.shape[1] == 1 else "continuous-multioutput"

    def _validate_data(
        self, X: Any = None, y: Any = None, reset: bool = False, y_numeric: bool = True
    ) -> tuple[Any, Any]:
        return super()._validate_data(X, y, reset, y_numeric=True)

    def predict(self, X: Any, **kwargs: Any) -> np.ndarray:
        """The predicted targets.

        Args:
            X: `(n, features)`.
            **kwargs: for `Model.predict`.

        Returns:
            `(n,)` or `(n, outputs)` of the targets' type; float64 if the targets were integers.
        """
        predicted: np.ndarray = super().predict(X, **kwargs)
        return predicted.astype(self.y_dtype_ if self.y_dtype_.kind == "f" else np.float64)
