"""The estimators by themselves: what scikeras broke, and what `build(hp)` adds."""

import pickle

import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError

from kerastune_lite import HyperModel
from kerastune_lite.sklearn import KerasClassifier, KerasRegressor
from tests.sklearn.data import blobs
from tests.sklearn.models import build, build_regression, build_sigmoid

X, Y = blobs()


def classifier(**params):
    params = {"epochs": 3, "random_state": 0, **params}
    return KerasClassifier(params.pop("model", build_sigmoid), **params)


# ------------------------------------------------------------------ what scikeras broke


def test_they_are_what_they_are():
    assert is_classifier(KerasClassifier(build))
    assert is_regressor(KerasRegressor(build_regression))


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_of_one_row_keep_their_row(classes):
    x, y = blobs(classes)
    fitted = classifier(model=build).fit(x, y)
    one, all_of_them = fitted.predict_proba(x[:1]), fitted.predict_proba(x)
    assert one.shape == (1, classes)
    np.testing.assert_allclose(one, all_of_them[:1], atol=1e-6)
    np.testing.assert_allclose(all_of_them.sum(axis=1), 1.0, atol=1e-6)


def test_a_single_sigmoid_is_two_columns():
    probabilities = classifier().fit(X, Y).predict_proba(X[:1])
    assert probabilities.shape == (1, 2)


def test_probabilities_are_not_above_one_by_rounding(monkeypatch):
    """scikit-learn's log_loss refuses such ones."""
    above = np.nextafter(np.float32(1), np.float32(2))
    fitted = classifier(model=build).fit(*blobs(3))
    monkeypatch.setattr(fitted, "_predict_raw", lambda X: np.array([[above, 0, 0]], "float32"))
    assert fitted.predict_proba(X[:1]).tolist() == [[1.0, 0.0, 0.0]]


def test_class_weight_leaves_sample_weight_alone_and_takes_whole_numbers():
    weights = np.ones(len(X), dtype=int)
    balanced = classifier(class_weight={0: 1.0, 1: 5.0}).fit(X, Y, sample_weight=weights)
    assert (weights == 1).all()
    assert weights.dtype == int
    both = np.where(Y == 1, 5.0, 1.0)
    by_hand = classifier().fit(X, Y, sample_weight=both)
    np.testing.assert_array_equal(balanced.predict_proba(X), by_hand.predict_proba(X))


def test_class_weight_of_labels_in_words():
    words = np.where(Y == 1, "yes", "no")
    fitted = classifier(class_weight={"yes": 50.0, "no": 1.0}, epochs=10).fit(X, words)
    assert (fitted.predict(X) == "yes").sum() > (words == "yes").sum()


def build_uncompiled(meta, units=4):
    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def test_a_second_fit_with_the_same_optimizer_object():
    optimizer = keras.optimizers.Adam(0.01)
    estimator = classifier(
        model=build_uncompiled,
        optimizer=optimizer,
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    first = estimator.fit(X, Y).predict_proba(X)
    second = estimator.fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(first, second)
    assert not optimizer.built


def test_another_type_of_numbers_may_be_predicted():
    fitted = classifier().fit(X.astype("float32"), Y)
    np.testing.assert_allclose(
        fitted.predict_proba(X), fitted.predict_proba(X.astype("float32")), atol=1e-6
    )
    whole = classifier().fit(np.round(X).astype(int), Y)
    assert whole.predict(X).shape == Y.shape


def test_longer_labels_may_be_scored():
    fitted = classifier().fit(X, np.where(Y == 1, "b", "a"))
    assert 0 <= fitted.score(X, np.where(Y == 1, "b", "another")) <= 1


class Builder:
    def __call__(self, hp):
        return build_sigmoid(hp)


class Model(HyperModel):
    def build(self, hp):
        return build_sigmoid(hp)

    def fit(self, hp, model, *args, **kwargs):
        self.fitted = True
        return model.fit(*args, **kwargs)


@pytest.mark.parametrize("model", [Builder(), Builder().__call__, Model()])
def test_whatever_can_build_builds(model):
    fitted = classifier(model=model, hp__units=5).fit(X, Y)
    assert fitted.model_.layers[0].units == 5


def test_fit_of_a_hypermodel_trains():
    model = Model()
    classifier(model=model).fit(X, Y)
    assert model.fitted


def test_whole_numbers_are_no_classes_to_a_regressor():
    seen = {}

    def looking(hp, meta):
        seen.update(meta)
        return build_regression(hp, meta)

    predicted = KerasRegressor(looking).fit(X, Y).predict(X)
    assert seen["target_type_"] == "continuous"
    assert predicted.dtype == np.float64


def test_the_loss_of_the_builder_says_how_labels_are_encoded():
    def one_hot(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
        model.compile("adam", loss="categorical_crossentropy")
        return model

    x, y = blobs(3)
    fitted = classifier(model=one_hot).fit(x, np.array(["a", "b", "c"])[y])
    assert set(fitted.predict(x)) <= {"a", "b", "c"}


# ------------------------------------------------------------------ hyperparameters


def test_defaults_come_from_hp():
    fitted = classifier(hp__units=np.int64(6)).fit(X, Y)
    assert fitted.hyperparameters_ == {"units": 6, "learning_rate": 0.01}
    assert fitted.model_.layers[0].units == 6


def test_hp_in_get_params_set_params_and_clone():
    values = {"units": 6}
    estimator = classifier(hyperparameters=values, hp__learning_rate=0.1)
    assert estimator.get_params()["hp__units"] == 6
    copy = clone(estimator).set_params(hp__units=7, epochs=2)
    assert copy.get_params()["hp__units"] == 7
    assert copy.get_params()["hp__learning_rate"] == 0.1
    assert estimator.get_params()["hp__units"] == 6
    assert values == {"units": 6}
    assert "hp__units" not in estimator.get_params(deep=False)
    assert clone(KerasClassifier(build)).hyperparameters is None


def build_fit_arguments(hp):
    model = build_sigmoid(hp)
    hp.Choice("batch_size", [8, 16, 32])
    hp.Int("epochs", 2, 9)
    return model


def test_epochs_and_batch_size_as_hyperparameters():
    fitted = KerasClassifier(build_fit_arguments, hp__epochs=4, hp__batch_size=16).fit(X, Y)
    assert len(fitted.history_["loss"]) == 4
    assert int(fitted.model_.optimizer.iterations) == 4 * 4
    with pytest.raises(ValueError, match=r"`epochs` can be a hyperparameter or a parameter.*=7"):
        KerasClassifier(build_fit_arguments, epochs=7).fit(X, Y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hp__unitz": 4}, r"hp__unitz=4. With these values build\(hp\) asks for: units"),
        ({"hp__units": 400}, r"hp__units: 400 is not in .*widen"),
        ({"hp__units": "4"}, r"hp__units: '4' is not in"),
        ({"units": 4}, r"Received: units=4. Write hp__units=4"),
        ({"model__units": 4}, r"Write hp__units=4"),
        ({"fit__epoch": 4}, r"'fit__epoch'.*Did you mean 'epochs'"),
        ({"predict__batchsize": 4}, r"Did you mean 'batch_size'"),
        ({"modle__units": 4}, r"Did you mean 'model__'"),
        ({"model": build_uncompiled, "model__unitz": 4}, r"Did you mean 'units'"),
        ({"model": build_uncompiled, "hp__units": 4}, r"`hp__<name>` is for models"),
    ],
)
def test_parameters_that_nothing_reads_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        classifier(**params).fit(X, Y)


def test_other_mistakes_are_told():
    with pytest.raises(TypeError, match="Did you forget `return model`"):
        classifier(model=lambda hp: None).fit(X, Y)
    with pytest.raises(TypeError, match=r"must be a dict of values by name. Received: 3"):
        classifier(hyperparameters=3).fit(X, Y)
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        classifier().fit(sparse.csr_matrix(X), Y)
    with pytest.raises(NotFittedError):
        classifier().predict(X)


def test_parameters_for_compiling_that_have_no_effect_are_told_of():
    with pytest.warns(UserWarning, match="optimizer__learning_rate.*have no effect"):
        classifier(optimizer__learning_rate=0.1).fit(X, Y)
    with pytest.warns(UserWarning, match="'metrics'.*have no effect"):
        classifier(metrics=["accuracy"]).fit(X, Y)


# ------------------------------------------------------------------ scikeras's arguments


def test_scikeras_arguments_go_on_working():
    estimator = KerasClassifier(
        build_uncompiled,
        loss="binary_crossentropy",
        optimizer="sgd",
        optimizer__learning_rate=0.5,
        metrics=["accuracy"],
        model__units=3,
        fit__batch_size=-1,
        callbacks=keras.callbacks.EarlyStopping,
        callbacks__monitor="loss",
        callbacks__min_delta=1e9,
        callbacks__patience=2,
        epochs=30,
    )
    fitted = estimator.fit(X, Y)
    assert fitted.model_.layers[0].units == 3
    assert float(fitted.model_.optimizer.learning_rate) == 0.5
    assert len(fitted.history_["accuracy"]) == 3
    assert int(fitted.model_.optimizer.iterations) == 3


class Subclass(KerasClassifier):
    """As scikeras's documentation has it."""

    def __init__(self, units=4, loss="binary_crossentropy", **kwargs):
        super().__init__(loss=loss, **kwargs)
        self.units = units

    def _keras_build_fn(self, meta, compile_kwargs):
        model = build_uncompiled(meta, self.units)
        model.compile(optimizer=compile_kwargs["optimizer"], loss=compile_kwargs["loss"])
        return model


def test_subclasses_that_build():
    fitted = clone(Subclass(units=3, optimizer="adam", epochs=2)).set_params(units=5).fit(X, Y)
    assert fitted.model_.layers[0].units == 5
    assert type(fitted.model_.optimizer).__name__ == "Adam"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_a_model_that_is_built_already():
    model = build_uncompiled({"n_features_in_": 4})
    model.compile("adam", loss="binary_crossentropy")
    estimator = KerasClassifier(model, epochs=2)
    copy = clone(estimator)
    weights = [each.copy() for each in model.get_weights()]
    copy.fit(X, Y)
    for before, after in zip(weights, model.get_weights()):
        np.testing.assert_array_equal(before, after)
    assert estimator.fit(X, Y).model_ is model


def test_arguments_of_the_builder_without_a_prefix():
    fitted = KerasClassifier(build_uncompiled, loss="binary_crossentropy", units=3).fit(X, Y)
    assert fitted.model_.layers[0].units == 3


def test_score_is_that_of_the_scorer():
    fitted = classifier(score__normalize=False).fit(X, Y)
    assert fitted.score(X, Y) == np.sum(fitted.predict(X) == Y)


def test_partial_fit_goes_on():
    stepwise = classifier(shuffle=False)
    for _ in range(3):
        stepwise.partial_fit(X, Y, classes=[1, 0])
    assert stepwise.current_epoch == 3
    whole = classifier(shuffle=False).fit(X, Y)
    np.testing.assert_allclose(stepwise.predict_proba(X), whole.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("fast", [True, False])
def test_multilabel(fast):
    rng = np.random.default_rng(0)
    labels = (rng.random((60, 3)) < 0.5).astype(int)
    fitted = classifier(model=build, fast=fast).fit(X, labels)
    assert fitted.predict(X).shape == (60, 3)
    assert fitted.predict_proba(X[:1]).shape == (1, 3)


def test_several_outputs_of_a_regressor():
    targets = np.stack([X.sum(axis=1), X[:, 0]], axis=1)
    fitted = KerasRegressor(build_regression, epochs=3).fit(X, targets)
    assert fitted.predict(X).shape == (60, 2)


# ------------------------------------------------------------------ paths, files


def test_the_fast_path_gives_what_fit_gives():
    kwargs = {"shuffle": False, "batch_size": 8, "epochs": 5}
    fast, plain = classifier(**kwargs).fit(X, Y), classifier(fast=False, **kwargs).fit(X, Y)
    assert fast.training_path_ != "model.fit"
    assert plain.training_path_ == "model.fit"
    np.testing.assert_allclose(fast.history_["loss"], plain.history_["loss"], rtol=1e-4)
    np.testing.assert_allclose(fast.predict_proba(X), plain.predict_proba(X), atol=1e-4)


def test_a_seed_makes_it_reproducible():
    one, other = classifier().fit(X, Y), classifier().fit(X, Y)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    third = classifier(random_state=np.random.RandomState(3)).fit(X, Y)
    assert not np.array_equal(one.predict_proba(X), third.predict_proba(X))


def test_small_predictions_are_those_of_model_predict():
    fitted = classifier().fit(X, Y)
    np.testing.assert_allclose(
        fitted.predict_proba(X)[:, 1:], fitted.model_.predict(X, verbose=0), atol=1e-6
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_pickle_gives_the_same_predictions():
    fitted = classifier().fit(X, np.where(Y == 1, "yes", "no"))
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.fit(X, Y).predict(X).dtype == Y.dtype


def test_repr_tells_what_was_given():
    assert repr(KerasClassifier(epochs=3)) == "KerasClassifier(epochs=3)"
    assert "hyperparameters={'units': 3}" in repr(KerasClassifier(build, hp__units=3))
    assert "KerasClassifier" in KerasClassifier(build, hp__units=3)._repr_html_()
