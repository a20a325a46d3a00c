"""Several inputs, outputs and losses in NumPy: in any nesting, alone and side by side."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, SHARED
from tests.keras.equality.cases import (
    BATCHES,
    DROPPED,
    UNITS,
    adam,
    by_fit,
    check_arrays,
    check_same,
    dispatched,
    keras,
    no_programs,
    no_warnings,
    sgd,
    splitted,
)
from tests.keras.stacked import check_stacked

L = keras.layers

rng = np.random.default_rng(0)
FLAT = rng.normal(size=(90, 5)).astype("float32")
DEEP = rng.normal(size=(90, 2, 3)).astype("float32")
KINDS = np.argmax(FLAT[:, :3] + DEEP[:, 0], axis=1)
POSITIVE = (KINDS > 0).astype("float32")[:, None]

X = {"flat": FLAT, "deep": DEEP}
Y = {"kind": KINDS, "positive": POSITIVE}
LOSSES = {"kind": "sparse_categorical_crossentropy", "positive": "binary_crossentropy"}
ACCURACY = {name: ["accuracy"] for name in Y}
WEIGHTS = np.linspace(0.1, 2, 90).astype("float32")


def nested(given, nesting):
    return given if nesting is dict else nesting(given.values())


def model_of(inputs=dict, outputs=dict, optimizer=adam, **compiled):
    """variant -> a model with two inputs and two outputs; the order is not that of the names."""
    compiled.setdefault("loss", LOSSES)

    def build(variant):
        x = {"flat": keras.Input((5,), name="flat"), "deep": keras.Input((2, 3), name="deep")}
        hidden = L.Dense(UNITS[variant], "relu", kernel_regularizer="l2")(x["flat"])
        hidden = L.Concatenate()([hidden, L.Flatten()(x["deep"])])
        hidden = L.Dropout(DROPPED[variant], seed=1)(hidden)
        side = L.BatchNormalization()(L.Dense(4, "tanh")(hidden))
        y = {
            "kind": L.Dense(3, "softmax", name="kind")(hidden),
            "positive": L.Dense(1, "sigmoid", name="positive")(side),
        }
        model = keras.Model(nested(x, inputs), nested(y, outputs))
        made = {name: value() if callable(value) else value for name, value in compiled.items()}
        model.compile(optimizer(variant), **made)
        return model

    return build


def fit_of(x=X, y=Y, weight=None, **others):
    """variant -> the arguments of `fit`."""
    data = (x, y) if weight is None else (x, y, weight)
    (x, y, *weights), validation = splitted(data)

    def fit(variant):
        given = {"x": x, "y": y, "validation_data": validation, "batch_size": BATCHES[variant]}
        given |= {"sample_weight": weights[0]} if weights else {}
        return {**given, "epochs": 3, "verbose": 0, "shuffle": False, **others}

    return fit


def check(build, fit=None, variant=0, **others):
    """A model is trained in NumPy, and as by `fit`."""
    fit = fit or fit_of()
    check_arrays(build, fit, by_fit(build, fit, variant), variant, must=True, **others)


def refused(build, fit=None):
    """Why a model is not trained in NumPy."""
    with no_programs(), no_warnings():
        outcome = dispatched(build, fit or fit_of(epochs=1), fastest=ARRAYS)
    assert outcome.path == SHARED
    return outcome.reason


class TestNestings:
    @pytest.mark.parametrize("variant", [0, 1, 2])
    def test_dicts(self, variant):
        """With a last batch that is shorter, not shorter, and of another number of batches."""
        build = model_of(
            metrics={"kind": ["accuracy"], "positive": ["accuracy", "mse"]},
            loss_weights={"kind": 0.3, "positive": 2.0},
        )
        check(build, variant=variant)

    @pytest.mark.parametrize("nesting", [list, tuple])
    def test_sequences(self, nesting):
        build = model_of(
            nesting,
            nesting,
            loss=list(LOSSES.values()),
            metrics=[["accuracy"], ["mae"]],
            loss_weights=[0.5, 1.5],
        )
        check(build, fit_of(nested(X, nesting), nested(Y, nesting)))

    def test_names_for_a_model_of_lists(self):
        check(model_of(list, list, metrics=ACCURACY))
        check(model_of(list, list, metrics=ACCURACY), fit_of(y=list(Y.values())))

    def test_dicts_in_another_order(self):
        x, y = ({name: given[name] for name in reversed(given)} for given in (X, Y))
        check(model_of(metrics=ACCURACY), fit_of(x, y))

    def test_validation_data_that_are_nested_otherwise(self):
        held_out = (
            {name: given[-25:] for name, given in X.items()},
            tuple(given[-25:] for given in Y.values()),
        )
        check(model_of(list, list, loss=list(LOSSES.values())), fit_of(validation_data=held_out))

    def test_models_of_equal_names_and_other_nesting_are_told_apart(self):
        """What is remembered of the one would exchange the targets of the other."""
        losses = {"kind": "mse", "positive": "mse"}
        y = {"positive": POSITIVE, "kind": 1 - np.repeat(POSITIVE, 3, 1)}
        builds = [model_of(outputs=each, loss=losses, metrics=ACCURACY) for each in (list, dict)]
        with no_programs():
            for build in builds:
                outcome = dispatched(build, fit_of(y=y), fastest=ARRAYS)
                assert outcome.path == ARRAYS
                check_same(outcome, by_fit(build, fit_of(y=y)))

    def test_models_within(self):
        def build(variant):
            x = [keras.Input((5,)), keras.Input((6,))]
            first, second = L.Dense(4, "relu")(x[0]), L.Dense(3)(x[1])
            inner = keras.Model(x, [L.Concatenate()([first, second]), second])
            given = [keras.Input((5,)), keras.Input((2, 3))]
            both, rest = inner([given[0], L.Flatten()(given[1])])
            outputs = L.Dense(3, "softmax")(both), L.Dense(1, "sigmoid")(rest)
            model = keras.Model(given, outputs)
            model.compile(sgd(variant), list(LOSSES.values()), metrics=[["accuracy"], ["accuracy"]])
            return model

        check(build, fit_of(list(X.values()), tuple(Y.values())))


class TestLosses:
    def test_one_for_all_outputs(self):
        y = {"kind": np.eye(3, dtype="float32")[KINDS], "positive": POSITIVE}
        check(model_of(loss="mse", metrics=ACCURACY), fit_of(y=y))

    @pytest.mark.filterwarnings("ignore:Gradients do not exist")
    @pytest.mark.parametrize("optimizer", ["Adagrad", "Nadam", "RMSprop", "SGD"])
    def test_an_output_without_one(self, optimizer):
        """Its own layers stay as they are."""
        build = model_of(
            outputs=list,
            loss=[LOSSES["kind"], None],
            metrics=[["accuracy"], ["accuracy"]],
            optimizer=lambda variant: getattr(keras.optimizers, optimizer)(0.01),
        )
        check(build, fit_of(y=list(Y.values())), whole=True)

    @pytest.mark.filterwarnings("ignore:Gradients do not exist")
    def test_weights_without_gradients_do_not_decay(self):
        build = model_of(
            outputs=list,
            loss=[LOSSES["kind"], None],
            optimizer=lambda variant: keras.optimizers.SGD(0.1, weight_decay=0.1),
        )
        reason = refused(build, fit_of(y=list(Y.values()), epochs=1))
        assert reason == "weights that decay and have no gradients"

    def test_an_output_of_which_others_are_made(self):
        def build(variant, first="linear"):
            x = keras.Input((5,))
            middle = L.Dense(3, first, name="kind")(x)
            model = keras.Model(x, [middle, L.Dense(1, "sigmoid")(middle)])
            from_logits = first == "linear"
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
            model.compile(adam(variant), [loss, "binary_crossentropy"])
            return model

        fit = fit_of(FLAT, list(Y.values()))
        check(build, fit)
        reason = refused(lambda variant: build(variant, "softmax"), fit)
        assert reason == "an output with probabilities that is used again"

    def test_the_program_of_one_factor_is_not_taken_for_that_of_another(self):
        def build(variant):
            return model_of(loss_weights={"kind": (0.3, 0.6)[variant], "positive": 2.0})(variant)

        with no_programs():
            for variant in (0, 1):
                outcome = dispatched(build, fit_of(), variant, ARRAYS)
        assert outcome.path == ARRAYS
        check_same(outcome, by_fit(build, fit_of(), 1))


class TestWeightsOfSamples:
    BUILD = staticmethod(
        model_of(
            metrics=ACCURACY,
            weighted_metrics={"kind": ["accuracy"], "positive": ["mae", "accuracy"]},
        )
    )

    def test_for_all_outputs(self):
        check(self.BUILD, fit_of(weight=WEIGHTS))

    def test_for_each_output(self):
        check(self.BUILD, fit_of(weight={"positive": WEIGHTS, "kind": WEIGHTS[::-1].copy()}))

    def test_in_training_only(self):
        held_out = splitted((X, Y))[1]
        check(self.BUILD, fit_of(weight=WEIGHTS, validation_data=held_out))


class TestInputs:
    def test_categories_and_a_missing_axis(self):
        """Whole numbers become what the model takes; `(n,)` is taken for `(n, 1)`."""

        def build(variant):
            x = [keras.Input((1,), name="city"), keras.Input((5,)), keras.Input((1,))]
            y = L.Dense(3, "softmax")(L.Dense(6, "relu")(L.Concatenate()(x)))
            model = keras.Model(x, y)
            model.compile(sgd(variant), LOSSES["kind"], metrics=["accuracy"])
            return model

        check(build, fit_of([KINDS, FLAT, POSITIVE > 0], KINDS))

    @pytest.mark.parametrize("dtype", ["int64", "int32", "float32"])
    def test_wide_and_deep(self, dtype):
        """Categories in columns of their own, with and without an axis, beside numbers."""
        data = {"city": KINDS[:, None], "job": (3 * POSITIVE[:, 0]).astype("int32"), "flat": FLAT}

        def build(variant):
            x = {name: keras.Input((1,), name=name, dtype=dtype) for name in ("job", "city")}
            wide = [L.Flatten()(L.Embedding(4, UNITS[variant])(each)) for each in x.values()]
            x["flat"] = keras.Input((5,), name="flat")
            wide = L.Concatenate()([*wide, x["flat"]])
            deep = L.BatchNormalization()(L.Dense(UNITS[variant], "relu")(wide))
            y = L.Dense(1, "sigmoid")(L.Concatenate()([wide, deep]))
            model = keras.Model(x, y)
            model.compile(adam(variant), "binary_crossentropy", metrics=["accuracy"])
            return model

        check(build, fit_of(data, POSITIVE))
        if dtype == "int64":
            check_stacked(lambda _: build(0), lambda _: fit_of(data, POSITIVE)(0))

    def test_a_rank_of_its_own_for_each(self):
        image = rng.normal(size=(90, 3, 3, 1)).astype("float32")

        def build(variant):
            x = keras.Input((3, 3, 1)), keras.Input((2, 3)), keras.Input((5,))
            y = L.Concatenate()([L.Flatten()(each) for each in x])
            model = keras.Model(x, L.Dense(3, "softmax")(y))
            model.compile(adam(variant), LOSSES["kind"])
            return model

        check(build, fit_of((image, DEEP, FLAT), KINDS))

    def test_whole_numbers_are_for_embeddings(self):
        def build(variant):
            x = keras.Input((5,), dtype="int32"), keras.Input((5,))
            y = L.Dense(3, "softmax")(L.Concatenate()([L.Flatten()(x[0]), x[1]]))
            model = keras.Model(x, y)
            model.compile(sgd(variant), LOSSES["kind"])
            return model

        reason = refused(build, fit_of((FLAT.astype("int32"), FLAT), KINDS, epochs=1))
        assert reason == "whole numbers in Concatenate layers"

    def test_inputs_of_another_type(self):
        def build(variant):
            x = keras.Input((5,), dtype="float64")
            model = keras.Model(x, L.Dense(3, "softmax")(x))
            model.compile(sgd(variant), LOSSES["kind"])
            return model

        assert refused(build, fit_of(FLAT, KINDS, epochs=1)) == "inputs of type float64"


class TestSideBySide:
    def test_dicts_and_weights(self):
        build = model_of(
            metrics=ACCURACY, weighted_metrics={"kind": ["accuracy"], "positive": ["mae"]}
        )

        def fixed(variant):
            model = build(0)
            model.optimizer.learning_rate = (0.02, 0.05, 0.01)[variant]
            return model

        fit = fit_of(weight=WEIGHTS)
        check_stacked(fixed, lambda variant: fit(0), compared=(0, 2))

    @pytest.mark.filterwarnings("ignore:Gradients do not exist")
    def test_an_output_without_a_loss(self):
        build = model_of(outputs=list, loss=[LOSSES["kind"], None])
        fit = fit_of(y=list(Y.values()))
        check_stacked(lambda variant: build(0), lambda variant: fit(0), compared=(0, 2))
