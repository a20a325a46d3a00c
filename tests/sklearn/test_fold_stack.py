"""Folds side by side score as they do one by one."""

import keras
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import kerastune_lite as kt
from kerastune_lite._src.sklearn.fold import evaluate
from kerastune_lite._src.sklearn.fold_stack import FoldStack
from kerastune_lite.schedulers import Hyperband
from kerastune_lite.sklearn import KerasClassifier, KerasRegressor, TunerSearchCV
from tests.sklearn.data import blobs

X, Y = blobs(samples=62)
WORDS = np.where(Y == 1, "yes", "no")
FOLDS = 4


def network(hp, last, loss, metrics=()):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(hp.Int("units", 4, 16), activation="relu"))
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.1, 0.5)))
    model.add(keras.layers.Dense(1, activation=last))
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.Adam(rate), loss=loss, metrics=list(metrics))
    return model


def build(hp):
    return network(hp, "sigmoid", "binary_crossentropy", ["accuracy"])


def build_regression(hp):
    return network(hp, None, "mse")


def build_normalised(hp):
    """Not written out in NumPy."""
    units = hp.Int("units", 2, 3)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(units),
            keras.layers.LayerNormalization(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("sgd", loss="binary_crossentropy")
    return model


def piped(net, *steps):
    return Pipeline([*steps, ("scale", StandardScaler()), ("net", net)])


def classifier(model=build, **params):
    return KerasClassifier(model, **{"epochs": 3, "batch_size": 16, **params})


class Searches:
    """Makes a search in its own project, side by side or not."""

    def __init__(self, root, monkeypatch):
        self._root, self._monkeypatch = root, monkeypatch

    def __call__(self, name, estimator, y=WORDS, fit=None, **params):
        params = {"cv": FOLDS, "tuner": "random", "max_trials": 2, "random_state": 0, **params}
        params = {"scoring": "neg_log_loss", "refit": False, **params}
        search = TunerSearchCV(estimator, directory=self._root, project_name=name, **params)
        return search.fit(X, y, **(fit or {}))

    def one_by_one(self, *args, **kwargs):
        def alone(stack, segment):
            return evaluate(stack._folds, segment)

        with self._monkeypatch.context() as patched:
            patched.setattr(FoldStack, "evaluate", alone)
            return self("one_by_one", *args, **kwargs)

    def executions(self, name):
        trials = kt.open_project(self._root / name).trials
        return [execution for trial in trials for execution in trial.executions]

    def paths(self, name):
        return {(execution.path, execution.path_reason) for execution in self.executions(name)}

    def check_equal(self, estimator, *args, **kwargs):
        """Both give the same scores, and the one was side by side, the other not."""
        together = self("together", estimator, *args, **kwargs)
        apart = self.one_by_one(estimator, *args, **kwargs)
        assert self.paths("together") == {("stacked", None)}
        assert self.paths("one_by_one") == {("NumPy", None)}
        assert together.cv_results_["params"] == apart.cv_results_["params"]
        for name, right in apart.cv_results_.items():
            if name.startswith(("split", "epochs")):
                np.testing.assert_allclose(together.cv_results_[name], right, 1e-4, 1e-6)
        return together


@pytest.fixture
def searches(tmp_path, monkeypatch):
    return Searches(tmp_path, monkeypatch)


class TestEqualScores:
    def test_a_classifier_behind_a_scaler(self, searches):
        search = searches.check_equal(piped(classifier()), return_train_score=True)
        scores = [search.cv_results_[f"split{fold}_test_score"][0] for fold in range(FOLDS)]
        assert len(set(scores)) == FOLDS, "each fold has its own"

    def test_a_regressor_with_a_seed_of_its_own(self, searches):
        net = KerasRegressor(build_regression, epochs=3, batch_size=16, random_state=3)
        searches.check_equal(piped(net), y=X[:, 0] ** 2, scoring="neg_mean_squared_error")

    def test_folds_that_stop_early(self, searches):
        stopping = keras.callbacks.EarlyStopping(
            "val_loss", min_delta=0.02, patience=1, restore_best_weights=True
        )
        net = classifier(epochs=8, callbacks=[stopping], validation_split=0.25)
        search = searches.check_equal(piped(net))
        assert search.cv_results_["epochs"].min() < 8

    @pytest.mark.slow
    def test_rungs(self, searches):
        search = searches.check_equal(
            piped(classifier(epochs=4)), tuner=Hyperband(4, factor=2), max_trials=3
        )
        assert len(set(search.cv_results_["epochs"])) > 1

    def test_weights_of_samples_and_classes(self, searches):
        net = classifier(class_weight="balanced", shuffle=False)
        weights = np.random.default_rng(0).uniform(0.1, 3.0, len(X))
        searches.check_equal(net, fit={"sample_weight": weights})

    def test_steps_and_scorers_that_draw_from_generators(self, searches):
        def scorer(estimator, x, y):
            return estimator.predict_proba(x)[:, 1].mean() + np.random.random()

        pipeline = piped(classifier(), ("pca", PCA(4, svd_solver="randomized")))
        np.random.seed(3)
        before = np.random.get_state()[1].copy()
        searches.check_equal(pipeline, scoring=scorer)
        np.testing.assert_array_equal(np.random.get_state()[1], before)

    def test_all_samples_in_a_batch_whose_size_differs(self, searches):
        net = classifier(batch_size=-1)
        together = searches("together", net, max_trials=1)
        apart = searches.one_by_one(net, max_trials=1)
        mean = "mean_test_score"
        np.testing.assert_allclose(together.cv_results_[mean], apart.cv_results_[mean], 1e-4)
        paths = [execution.path for execution in searches.executions("together")]
        assert sorted(paths) == ["stacked"] * FOLDS, "of 62 samples two folds have 46, two have 47"


class TestNames:
    """Of variables: TensorFlow makes a kernel for each."""

    def test_are_those_of_the_first_fold(self, searches):
        named, drawn = [], []

        def build_and_note(hp):
            model = build(hp)
            named.append([each.path for each in model.variables])
            drawn.append(np.random.random())
            return model

        keras.layers.Dense(1)
        searches("names", piped(classifier(build_and_note)))
        trained = named[-2 * FOLDS :]
        assert trained == trained[:1] * len(trained)
        assert trained[0][0] == "sequential/dense/kernel"
        assert len(set(drawn[-FOLDS:])) == FOLDS  # each with its own seed
        assert keras.layers.Dense(1).name not in str(named)
        assert searches.paths("names") == {("stacked", None)}

    def test_pass_over_a_layer_that_was_made_outside(self, searches):
        outside = keras.layers.Flatten(name="dense")
        attempts = []

        def build_around_it(hp):
            attempts.append(np.random.random())
            model = keras.Sequential([keras.Input((4,)), outside])
            model.add(keras.layers.Dense(hp.Int("units", 4, 16)))
            model.add(keras.layers.Dense(1, activation="sigmoid"))
            model.compile("sgd", loss="binary_crossentropy")
            return model

        searches("outside", piped(classifier(build_around_it)))
        # The second attempt of a fold begins with the generators of its first one.
        assert len(attempts) >= 4 * FOLDS
        assert attempts[-2 * FOLDS :: 2] == attempts[-2 * FOLDS + 1 :: 2]


class TestFallback:
    def test_says_why(self, searches):
        searches("it", classifier(build_normalised, epochs=1), max_trials=1)
        assert searches.paths("it") == {("shared trace", "LayerNormalization layers")}

    def test_says_why_not_side_by_side(self, searches):
        net = classifier(callbacks=[keras.callbacks.TerminateOnNaN()], epochs=1)
        searches("it", net, max_trials=1)
        reasons = [execution.path_reason for execution in searches.executions("it")]
        assert reasons == ["TerminateOnNaN"] * (FOLDS - 1) + [None], (
            "the last one had none to go with"
        )

    def test_what_an_estimator_does_after_training(self, searches):
        class Noting(KerasClassifier):
            def fit(self, X, y, **kwargs):
                super().fit(X, y, **kwargs)
                self.sum_ = float(np.sum(self.model_.get_weights()[0]))
                return self

        def scorer(estimator, x, y):
            assert estimator.sum_ == float(np.sum(estimator.model_.get_weights()[0]))
            return 1.0

        searches("it", Noting(build, epochs=1), scoring=scorer, max_trials=1, error_score="raise")
        assert ("NumPy", "a fit() of the estimator's own") in searches.paths("it")


class NeedsTheFirst(TransformerMixin, BaseEstimator):
    """Fails in the fold that is tested on the first sample."""

    def fit(self, X, y=None):
        if not (X == FIRST).all(axis=1).any():
            raise RuntimeError("the first sample is not here")
        return self

    def transform(self, X):
        return X


FIRST = X[0]


class FailsOnce(keras.callbacks.Callback):
    """In the second epoch of the third training.

    Args:
        error: what is raised.
    """

    epoch_level = True
    begun = 0

    def __init__(self, error):
        super().__init__()
        self._error = error

    def on_train_begin(self, logs=None):
        FailsOnce.begun += 1
        self._number = FailsOnce.begun

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1 and self._number == 3:
            raise self._error


def scores_of(search):
    return [search.cv_results_[f"split{fold}_test_score"][0] for fold in range(FOLDS)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
class TestFailures:
    @pytest.mark.parametrize("fold", [0, 2])
    def test_before_the_training(self, searches, fold):
        splits = list(KFold(FOLDS).split(X))
        splits.insert(fold, splits.pop(0))
        pipeline = piped(classifier(), ("needs", NeedsTheFirst()))
        kwargs = {"cv": splits, "max_trials": 1, "error_score": -9.0}
        together = scores_of(searches("together", pipeline, **kwargs))
        assert together[fold] == -9.0
        np.testing.assert_allclose(together, scores_of(searches.one_by_one(pipeline, **kwargs)))

    def test_in_the_training(self, searches):
        FailsOnce.begun = 0
        net = classifier(callbacks=[FailsOnce(RuntimeError("in mid-training"))])
        scores = scores_of(searches("it", net, max_trials=1, error_score=-9.0))
        assert scores[2] == -9.0
        assert all(score > -9.0 for i, score in enumerate(scores) if i != 2)
        assert "in mid-training" in searches.executions("it")[2].message

    def test_of_a_fold_are_those_of_its_trial(self, searches):
        FailsOnce.begun = 0
        net = classifier(callbacks=[FailsOnce(RuntimeError("in mid-training"))])
        search = searches("it", net, max_trials=2)
        assert np.isnan(search.cv_results_["mean_test_score"][0])
        assert np.isfinite(search.cv_results_["mean_test_score"][1])
        assert len(searches.executions("it")) == 3 + FOLDS, "the others were not scored"

    def test_that_are_to_be_raised(self, searches):
        FailsOnce.begun = 0
        net = classifier(callbacks=[FailsOnce(RuntimeError("in mid-training"))])
        with pytest.raises(RuntimeError, match="in mid-training"):
            searches("it", net, error_score="raise")

    @pytest.mark.slow
    def test_an_interrupt_ends_the_search_and_it_goes_on(self, searches):
        FailsOnce.begun = -FOLDS
        net = classifier(callbacks=[FailsOnce(KeyboardInterrupt())])
        search = searches("it", net, max_trials=2)
        assert len(search.cv_results_["params"]) == 1, "the second trial was under way"
        again = searches("it", net)
        whole = searches("never_interrupted", net)
        for name in ("params", "mean_test_score"):
            assert list(again.cv_results_[name]) == list(whole.cv_results_[name])
