"""Arguments of fit that speak of samples and labels, in the terms that a model is trained in."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from kerastune_lite import HyperModel
from kerastune_lite.sklearn import KerasClassifier, KerasRegressor, TunerSearchCV
from tests.keras.models import keras

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)).astype("float32")
SIDE = X[:, 0] > 0
THIRD = np.digitize(X[:, 0], [-0.4, 0.4])
TRAIN, HELD_OUT = slice(60), slice(60, None)


def classes(hp, meta, loss="sparse_categorical_crossentropy"):
    outputs = keras.layers.Dense(meta["n_classes_"], activation="softmax")
    model = keras.Sequential([keras.Input((3,)), outputs])
    model.compile(keras.optimizers.Adam(0.1), loss, metrics=["accuracy"])
    return model


def one_hot(hp, meta):
    return classes(hp, meta, "categorical_crossentropy")


def sides(hp):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    return model


LABELS = {
    "numbers from 0": SIDE.astype(int),
    "numbers from 1": 1 + SIDE,
    "signs": np.where(SIDE, 1, -1),
    "booleans": SIDE,
    "floats": np.where(SIDE, 2.0, 1.0),
    "texts": np.where(SIDE, "up", "down"),
    "objects": np.where(SIDE, "up", "down").astype(object),
}


def check_validated(model, y, **given):
    fitted = clone(model).fit(X[TRAIN], y[TRAIN], **given)
    assert fitted.history_["val_accuracy"][-1] == pytest.approx(
        fitted.score(X[HELD_OUT], y[HELD_OUT])
    )
    assert fitted.history_["val_accuracy"][-1] > 0.6
    return fitted


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("name", LABELS)
def test_two_labels_of_any_kind(name, fast):
    y = LABELS[name]
    model = KerasClassifier(sides, epochs=10, random_state=0, fast=fast)
    check_validated(model, y, validation_data=(X[HELD_OUT], y[HELD_OUT]))


@pytest.mark.parametrize("build", [classes, one_hot])
@pytest.mark.parametrize("names", [["a", "b", "c"], [3, 5, 9]])
def test_several_labels(build, names):
    y = np.array(names)[THIRD]
    held_out = (X[HELD_OUT], y[HELD_OUT])
    model = KerasClassifier(build, epochs=15, random_state=0)
    check_validated(model, y, validation_data=held_out)
    check_validated(model, y, validation_data=[held_out[0].tolist(), held_out[1].tolist()])
    check_validated(model, y, validation_data=(*held_out, np.ones(30)))
    check_validated(model.set_params(fit__validation_data=held_out), y)


def test_callbacks_follow_what_is_validated():
    y = np.where(SIDE, 1, -1)
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=30, restore_best_weights=True)
    model = KerasClassifier(sides, epochs=12, random_state=1, callbacks=[stop])
    model.fit(X[TRAIN], y[TRAIN], validation_data=(X[HELD_OUT], y[HELD_OUT]))
    best = max(model.history_["val_accuracy"])
    assert model.score(X[HELD_OUT], y[HELD_OUT]) == pytest.approx(best)


def test_what_is_routed_and_what_a_search_is_given():
    y = np.array(["a", "b", "c"])[THIRD]
    held_out = (X[HELD_OUT], y[HELD_OUT])
    model = KerasClassifier(classes, epochs=10, random_state=0)
    pipeline = make_pipeline(FunctionTransformer(), model)
    pipeline.fit(X[TRAIN], y[TRAIN], kerasclassifier__validation_data=held_out)
    fitted = pipeline[-1]
    assert fitted.history_["val_accuracy"][-1] == pytest.approx(fitted.score(*held_out))
    search = TunerSearchCV(model, {"epochs": [5, 15]}, tuner="grid", cv=2)
    best = search.fit(X[TRAIN], y[TRAIN], validation_data=held_out).best_estimator_
    assert best.history_["val_accuracy"][-1] == pytest.approx(best.score(*held_out))


def test_training_that_goes_on():
    y = np.where(SIDE, "up", "down")
    held_out = (X[HELD_OUT], y[HELD_OUT])
    model = KerasClassifier(sides, random_state=0)
    for _ in range(8):
        model.partial_fit(X[TRAIN], y[TRAIN], validation_data=held_out)
    assert model.history_["val_accuracy"][-1] == pytest.approx(model.score(*held_out))


def test_a_fit_of_the_users_own_gets_encoded_labels():
    seen = []

    class Own(HyperModel):
        def build(self, hp):
            return sides(hp)

        def fit(self, hp, model, *args, **kwargs):
            seen.append(kwargs["validation_data"][1])
            return model.fit(*args, **kwargs)

    y = np.where(SIDE, "up", "down")
    KerasClassifier(Own()).fit(X[TRAIN], y[TRAIN], validation_data=(X[HELD_OUT], y[HELD_OUT]))
    assert np.array_equal(seen[0].ravel(), SIDE[HELD_OUT])


def test_several_labels_for_each_sample():
    y = (X > 0).astype(int)

    def build(hp):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="sigmoid")])
        model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
        return model

    model = KerasClassifier(build, epochs=20, random_state=0, metrics=None)
    held_out = (X[HELD_OUT], y[HELD_OUT])
    model.fit(X[TRAIN], y[TRAIN], validation_data=held_out)
    loss = model.model_.evaluate(*held_out, verbose=0)[0]
    assert model.history_["val_loss"][-1] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("y", [X.sum(1), X.sum(1)[:, None], np.round(X.sum(1)).astype(int)])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_targets_of_a_regressor(y, shape):
    def build():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.1), "mse")
        return model

    held_out = (X[HELD_OUT], y[HELD_OUT].reshape(shape))
    model = KerasRegressor(build, epochs=10, random_state=0)
    model.fit(X[TRAIN], y[TRAIN], validation_data=held_out)
    error = np.square(model.predict(X[HELD_OUT]).ravel() - y[HELD_OUT].ravel()).mean()
    assert model.history_["val_loss"][-1] == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((X, np.full(90, "sideways")), "'sideways'; the classes are 'down', 'up'"),
        ((X, SIDE), "True.* the classes are 'down', 'up'"),
        ((X,), "Received: a tuple of 1"),
        ((X[:, :2], np.full(90, "up")), "2 features"),
        ((X[:5], np.full(90, "up")), "inconsistent numbers of samples"),
        ((X, np.full((90, 3), "up")), "must have 1 axes"),
    ],
)
def test_validation_data_that_cannot_be_right(given, message):
    y = np.where(SIDE, "up", "down")
    with pytest.raises(ValueError, match=message):
        KerasClassifier(sides).fit(X, y, validation_data=given)


def test_batches_are_handed_on_with_a_warning():
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((X, SIDE.astype("float32"))).batch(30)
    with pytest.warns(UserWarning, match="must be the numbers from 0 to 1 that stand for"):
        KerasClassifier(sides).fit(X, np.where(SIDE, "up", "down"), validation_data=batches)
    KerasClassifier(sides).fit(X, SIDE.astype(int), validation_data=batches)


def test_labels_of_validation_data_that_are_one_hot():
    one = np.eye(3)[THIRD].astype(int)
    names = np.array(["a", "b", "c"])[THIRD]
    model = KerasClassifier(one_hot, epochs=10, random_state=0)
    model.fit(X[TRAIN], names[TRAIN], validation_data=(X[HELD_OUT], one[HELD_OUT]))
    score = model.score(X[HELD_OUT], names[HELD_OUT])
    assert model.history_["val_accuracy"][-1] == pytest.approx(score)


def test_a_second_fit_that_goes_on_keeps_the_labels():
    y = np.where(SIDE, "up", "down")
    model = KerasClassifier(sides, epochs=3, random_state=0, warm_start=True)
    for _ in range(2):
        model.fit(X[TRAIN], y[TRAIN], validation_data=(X[HELD_OUT], y[HELD_OUT]))
        assert list(model.classes_) == ["down", "up"]
        score = model.score(X[HELD_OUT], y[HELD_OUT])
        assert model.history_["val_accuracy"][-1] == pytest.approx(score)


# ---------------------------------------------------------------------- built by the first batch


class Subclassed(keras.Model):
    def __init__(self, outputs=1):
        super().__init__()
        self.hidden = keras.layers.Dense(4, activation="relu")
        activation = "sigmoid" if outputs == 1 else "softmax"
        self.out = keras.layers.Dense(outputs, activation=activation)

    def call(self, x):
        return self.out(self.hidden(x))


def compiled(model, loss):
    model.compile("adam", loss)
    return model


UNBUILT = {
    "Sequential": lambda: compiled(
        keras.Sequential([keras.layers.Dense(1, activation="sigmoid")]), "binary_crossentropy"
    ),
    "subclassed": lambda: compiled(Subclassed(), "binary_crossentropy"),
    "several outputs": lambda: compiled(Subclassed(2), "sparse_categorical_crossentropy"),
}


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("name", UNBUILT)
def test_models_built_by_their_first_batch(name, fast):
    y = np.where(SIDE, "up", "down")
    model = KerasClassifier(UNBUILT[name], epochs=2, random_state=0, fast=fast).fit(X, y)
    assert set(model.predict(X)) <= {"up", "down"}
    assert model.predict_proba(X[:7]).shape == (7, 2)
    assert 0 <= model.score(X, y) <= 1
    model.partial_fit(X, y)
    assert len(model.history_["loss"]) == 3
    clone(model).initialize(X, y)


def unbuilt(hp):
    model = keras.Sequential([keras.layers.Dense(hp.Int("u", 2, 5)), keras.layers.Dense(1)])
    return compiled(model, "mse")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_a_search_over_models_built_by_their_first_batch():
    model = KerasRegressor(unbuilt, epochs=2, random_state=0)
    search = TunerSearchCV(model, max_trials=2, cv=2, random_state=0).fit(X, X.sum(1))
    fitted = search.best_estimator_
    assert fitted.model_.input_shape == (None, 3)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert np.array_equal(again.predict(X), fitted.predict(X))


def test_a_wrong_number_of_outputs_is_still_found():
    def build():
        x = keras.Input((3,))
        model = keras.Model(x, [keras.layers.Dense(1)(x), keras.layers.Dense(1)(x)])
        return compiled(model, "mse")

    with pytest.raises(ValueError, match="has 2 outputs"):
        KerasRegressor(build).fit(X, X.sum(1))
