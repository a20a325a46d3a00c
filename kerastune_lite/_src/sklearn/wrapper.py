"""What both estimators have in common: scikeras's wrapper with its bugs fixed, and `build(hp)`.

scikeras (0.13, no longer maintained) routes parameters, encodes targets and compiles models. Its
names and arguments are kept.
"""

from __future__ import annotations

import contextlib
import functools
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import InputTags, TargetTags
from sklearn.utils.validation import check_is_fitted

from kerastune_lite._src.keras import session
from kerastune_lite._src.keras.automatic_names import named_as_in_trials
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher, Fit, Taken
from kerastune_lite._src.keras.hypermodel import overrides_fit
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.sklearn.assignment import Assignment
from kerastune_lite._src.sklearn.builders import (
    builder_of,
    check_allowed,
    check_asked,
    check_is_model,
    is_hypermodel,
    takes_hp,
)
from kerastune_lite._src.sklearn.compat import arguments_of_predict, callbacks_of, make_callbacks
from kerastune_lite._src.sklearn.encoded_arguments import encoded_validation, tuned_arguments
from kerastune_lite._src.sklearn.encoders import LabelEncoder
from kerastune_lite._src.sklearn.estimator_data import (
    validated_pair,
    validated_samples,
    validated_targets,
)
from kerastune_lite._src.sklearn.estimator_parameters import (
    PREFIX,
    check_names,
    given_names,
    split,
    warn_of_idle,
)
from kerastune_lite._src.sklearn.from_scikeras import (
    BaseWrapper,
    is_categorical_crossentropy,
    metric_name,
    route_params,
)
from kerastune_lite._src.sklearn.prediction import predict
from kerastune_lite._src.sklearn.saving import Portable
from kerastune_lite._src.sklearn.seeding import seed_of_fit, seeded
from kerastune_lite._src.space.domains import Value, plain
from kerastune_lite._src.space.hyperparameters import HyperParameters

keras = load_keras()


class KerasWrapper(Portable, BaseWrapper):
    """A Keras model as an estimator; the base of `KerasClassifier` and `KerasRegressor`."""

    n_outputs_expected_: int | None

    _assignment: Assignment | None = None
    """What a search asks of this fit."""
    _hp: HyperParameters | None = None
    """Passed to `build`, if it takes any."""

    def __init__(
        self,
        model: Any = None,
        *,
        hyperparameters: Mapping[str, Any] | None = None,
        fast: bool = True,
        **kwargs: Any,
    ) -> None:
        values, kwargs = split(kwargs)
        super().__init__(model, **kwargs)
        # The same object that was given, unless there is something to add: `clone` checks that.
        self.hyperparameters = {**(hyperparameters or {}), **values} if values else hyperparameters
        self.fast = fast

    def __sklearn_tags__(self) -> Any:
        # scikeras has the tags of an older scikit-learn.
        tags = super().__sklearn_tags__()
        tags.target_tags = TargetTags(required=True, multi_output=True)
        tags.input_tags = InputTags(sparse=False, three_d_array=True)
        return tags

    # ------------------------------------------------------------------ parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name.

        Args:
            deep: include the values of hyperparameters as `hp__<name>`.
        """
        params: dict[str, Any] = super().get_params(deep=deep)
        if deep:
            values = self.hyperparameters
            # `fit` refuses anything else.
            items = values.items() if isinstance(values, Mapping) else ()
            params.update((f"{PREFIX}{name}", value) for name, value in items)
        return params

    def set_params(self, **params: Any) -> Any:
        """Set `params`, hyperparameters as `hp__<name>` among them; returns the estimator.

        Raises:
            ValueError: there is no such parameter.
        """
        values, others = split(params)
        super().set_params(**others)
        if values:
            # A new dict: the old one may belong to another estimator, too.
            self.hyperparameters = {**(self.hyperparameters or {}), **values}
        return self

    def __sklearn_clone__(self) -> Any:
        if isinstance(self.model, keras.Model):
            _complete(self.model)
        return super().__sklearn_clone__()

    __repr__ = BaseEstimator.__repr__

    # ------------------------------------------------------------------ building

    @property
    def _builds_from(self) -> Any:
        return self.model if self.model is not None else self.build_fn

    def _check_model_param(self) -> Any:
        builder = builder_of(self._builds_from)
        if builder is None:
            return super()._check_model_param()
        if not takes_hp(self._builds_from, given_names(self)):
            return builder  # scikeras refuses callable objects
        asked = None if self._assignment is None else self._assignment.hp
        self._hp = HyperParameters(values=self._given()) if asked is None else asked
        return functools.partial(builder, self._hp)

    def _given(self) -> dict[str, Value]:
        return {name: plain(value) for name, value in (self.hyperparameters or {}).items()}

    def _build_keras_model(self) -> Any:
        self._hp = None
        given, build = self._given(), super()._build_keras_model
        try:
            # In a search, TensorFlow has kernels ready for variables whose names it knows.
            model = build() if self._assignment is None else named_as_in_trials(build)
        except Exception:
            if self._hp is not None:
                # A value that is not allowed may be the cause.
                check_allowed(self._hp, given)
            raise
        check_is_model(model)
        if self._hp is not None:
            check_asked(self._hp, given)
            self.hyperparameters_ = self._hp.used_values()
        elif given:
            raise ValueError(
                "`hp__<name>` is for models that are built from `hp`: model=build with "
                f"def build(hp). Received: hp__{next(iter(given))}, and a model that is not."
            )
        warn_of_idle(self, model.compiled)
        return model

    def _get_compile_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = super()._get_compile_kwargs()
        # An optimizer or metric that was used belongs to its model.
        for name in ("optimizer", "metrics"):
            kwargs[name] = keras.tree.map_structure(_fresh, kwargs[name])
        return kwargs

    def _initialize(self, X: Any, y: Any = None) -> tuple[np.ndarray, Any]:
        X, y = self._encode(X, y)
        self._note(self.feature_encoder_)
        self.model_ = self._build_keras_model()
        encoder, loss = self.target_encoder_, getattr(self.model_, "loss", None)
        undecided = type(encoder) is LabelEncoder and encoder.loss is None
        if undecided and is_categorical_crossentropy(loss):
            # The loss with which the builder compiled it decides how labels are encoded.
            self._encode_with(LabelEncoder(loss, encoder.categories).fit(y))
        make_callbacks(self)
        return X, y

    def _encode(self, X: Any, y: Any) -> tuple[np.ndarray, Any]:
        """Check the data and fit the encoders."""
        # The whole fit is seeded once, not each of its parts: seeding TensorFlow takes time.
        self._random_state = None
        X, y = self._validate_data(X, y, reset=True)
        self._encode_with(self.target_encoder.fit(y))
        self.feature_encoder_ = self.feature_encoder.fit(X)
        return X, y

    def _encode_with(self, encoder: Any) -> None:
        self.target_encoder_ = encoder
        self._note(encoder)

    def _note(self, encoder: Any) -> None:
        for name, value in getattr(encoder, "get_metadata", dict)().items():
            setattr(self, name, value)

    def _validate_data(
        self, X: Any = None, y: Any = None, reset: bool = False, y_numeric: bool = False
    ) -> tuple[Any, Any]:
        if X is None:
            return None, validated_targets(self, y, reset, y_numeric)
        if y is None and not reset:
            return validated_samples(self, X, reset), None
        return validated_pair(self, X, y, reset, y_numeric)

    # ------------------------------------------------------------------ training

    def initialize(self, X: Any, y: Any = None) -> Any:
        """Build the model without training it, for example to load weights.

        Args:
            X, y: as for `fit`.
        """
        with seeded(seed_of_fit(self.random_state)):
            self._initialize(X, y)
        return self

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> Any:
        """Build a model and train it.

        Args:
            X: `(n, features)`, or with more axes.
            y: `(n,)` or `(n, outputs)`.
            sample_weight: `(n,)`.
            **kwargs: for `Model.fit`; they override the estimator's parameters.

        Raises:
            TypeError, ValueError: the data or the parameters are invalid.
        """
        epochs, first = kwargs.pop("epochs", None), kwargs.pop("initial_epoch", 0)
        self._fit(X, y, sample_weight, self.warm_start, epochs, first, **kwargs)
        return self

    def _fit(self, *args: Any, **kwargs: Any) -> None:
        check_names(self)
        with session.traced_functions(), seeded(seed_of_fit(self.random_state)):
            super()._fit(*args, **kwargs)

    def _check_model_compatibility(self, y: Any) -> None:
        expected = self.n_outputs_expected_
        if getattr(self.model_, "outputs", None) is None:
            # It is built by its first batch; a subclassed model never knows its outputs.
            self.n_outputs_expected_ = None
        try:
            super()._check_model_compatibility(y)
        finally:
            self.n_outputs_expected_ = expected

    def _fit_keras_model(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        warm_start: bool,
        epochs: int | None,
        initial_epoch: int,
        **kwargs: Any,
    ) -> None:
        arguments = route_params(self.get_params(), "fit", pass_filter=self._fit_kwargs)
        arguments = {k: v for k, v in arguments.items() if not k.startswith("callbacks")}
        if hasattr(self, "class_weight"):
            arguments.pop("class_weight", None)  # It is part of the weights of samples.
        arguments["sample_weight"] = sample_weight
        arguments["callbacks"] = list(keras.tree.flatten(callbacks_of(self, "fit")))
        arguments.update(tuned_arguments(self, self._hp, {**kwargs, "epochs": epochs}))
        if epochs is not None:
            arguments["epochs"] = epochs
        arguments["epochs"] += initial_epoch
        arguments["initial_epoch"] = initial_epoch
        arguments.update(kwargs)
        arguments["validation_data"] = encoded_validation(self, arguments.get("validation_data"))
        for name in ("batch_size", "validation_batch_size"):
            if arguments.get(name) == -1:
                arguments[name] = len(X)
        if self._assignment is not None:
            self._assignment.prepare(self.model_, arguments)
        history, taken = self._trained(X, y, arguments)
        self._note_training(history, taken, continued=warm_start and initial_epoch != 0)

    def _note_training(
        self, history: Mapping[str, list[Any]], taken: Taken | None, continued: bool = False
    ) -> None:
        """Store the history and the path of a training.

        Args:
            taken: how it was trained; None: not known.
            continued: whether its epochs are appended to those of the previous training.
        """
        if not continued or not hasattr(self, "history_"):
            self.history_: dict[str, list[Any]] = defaultdict(list)
        for name, values in history.items():
            self.history_[_known_name(name)] += values
        self.training_path_ = None if taken is None else taken.path
        self.training_path_reason_ = None if taken is None else taken.reason

    def _trained(
        self, X: Any, y: Any, arguments: dict[str, Any]
    ) -> tuple[Mapping[str, list[Any]], Taken | None]:
        """Train the model; returns its history, and how it was trained.

        Raises:
            HandedOver: a search trains it together with others.
        """
        model, source, asked = self.model_, self._builds_from, self._assignment
        seed = seed_of_fit(self.random_state)
        if seed is None:
            seed = int(np.random.randint(2**31 - 1)) if asked is None else asked.seed
        # The whole model may be needed afterwards, to be saved or trained further.
        whole = asked is None or asked.needs_all
        overridden = is_hypermodel(source) and overrides_fit(source)
        dispatcher = Dispatcher(self.fast)
        fit = Fit(model, (), {"x": X, "y": y, **arguments}, (seed, 0), whole)
        if asked is not None:
            asked.hand_over(dispatcher, fit, overridden)
        with dispatcher.in_place_of_fit(model, seed, whole) as taken:
            if overridden:
                history = source.fit(self._hp, model, X, y, **arguments)
            else:
                history = model.fit(x=X, y=y, **arguments)
        if not isinstance(history, keras.callbacks.History):
            history = model.history
        return history.history, taken[-1] if taken else None

    def adopt(self, model: Any, X: Any, y: Any) -> None:
        """Become fitted with a model that was trained elsewhere.

        Args:
            model: a Keras model with its weights.
            X, y: samples and targets like those it was trained on; with all classes.
        """
        self._encode(X, y)
        make_callbacks(self)
        self.history_ = defaultdict(list)
        _complete(model)
        self.model_ = model

    # ------------------------------------------------------------------ predicting

    def _predict_raw(self, X: Any, **kwargs: Any) -> Any:
        check_is_fitted(self, "model_")
        X, _ = self._validate_data(X)
        X = self.feature_encoder_.transform(X)
        arguments = route_params(
            self.get_params(), "predict", pass_filter=arguments_of_predict(self), strict=True
        )
        arguments = {k: v for k, v in arguments.items() if not k.startswith("callbacks")}
        arguments["callbacks"] = callbacks_of(self, "predict")
        arguments.update(kwargs)
        if arguments.get("batch_size") == -1:
            arguments["batch_size"] = len(X)
        return predict(self.model_, X, arguments)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The score of the predictions: accuracy or R², or what an overridden `scorer` returns.

        Args:
            X: `(n, features)`.
            y: `(n,)` or `(n, outputs)`.
            sample_weight: `(n,)`.
        """
        arguments = route_params(self.get_params(), "score", pass_filter=set())
        return float(self.scorer(y, self.predict(X), sample_weight=sample_weight, **arguments))


def _complete(model: Any) -> None:
    """Create the optimizer's variables of a compiled model, if there are none.

    Keras cannot load a model that was saved without them; copies are made by saving, too.
    """
    optimizer = getattr(model, "optimizer", None)
    if model.built and optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)


def _fresh(item: Any) -> Any:
    if isinstance(item, (keras.optimizers.Optimizer, keras.metrics.Metric)):
        return type(item).from_config(item.get_config())
    return item


def _known_name(name: str) -> str:
    """A metric's name in scikeras's `history_`."""
    if name == "loss" or name.startswith("val_"):
        return name
    with contextlib.suppress(ValueError):
        return str(metric_name(name))
    return name
