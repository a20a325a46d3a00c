"""SklearnTuner: what KerasTuner's does, as a tuner like the others."""

import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    get_scorer,
    make_scorer,
    max_error,
    recall_score,
)
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

import kerastune_lite as kt
from kerastune_lite.errors import SettingsMismatchError
from kerastune_lite.oracles import GridOracle, RandomOracle
from kerastune_lite.schedulers import ASHA
from kerastune_lite.sklearn import SklearnTuner
from tests.processes import environment

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(50, 10))
Y = (X[:, 0] + 0.3 * RNG.normal(size=50) > 0.5).astype(int)
WEIGHTS = RNG.uniform(0.1, 1.0, size=50)
GROUPS = np.arange(50) % 5
SCORE = kt.Objective("score", "max")
FOLDS = KFold(5, shuffle=True, random_state=1)


def build(hp):
    kind = hp.Choice("model_type", ["random_forest", "ridge", "knn"])
    with hp.conditional_scope("model_type", kind):
        if kind == "random_forest":
            trees, depth = hp.Int("n_estimators", 2, 8, step=2), hp.Int("max_depth", 3, 10)
            return RandomForestClassifier(trees, max_depth=depth, random_state=0)
        if kind == "ridge":
            return RidgeClassifier(alpha=hp.Float("alpha", 1e-3, 1, sampling="log"))
        neighbours = hp.Int("n_neighbors", 1, 30, default=5)
        return KNeighborsClassifier(
            neighbours, weights=hp.Choice("weights", ["uniform", "distance"])
        )


def build_logistic(hp):
    return LogisticRegression(C=hp.Choice("C", [0.1, 1.0, 10.0]))


def build_pipeline(hp):
    components = hp.Choice("n_components", [2, 5, 10], default=5)
    return Pipeline([("pca", PCA(n_components=components, random_state=0)), ("clf", build(hp))])


def bayesian(objective=SCORE, max_trials=10):
    return kt.oracles.BayesianOptimizationOracle(objective, max_trials=max_trials, seed=0)


def make(tmp_path, oracle=None, builder=build, **kwargs):
    return SklearnTuner(oracle or bayesian(), builder, directory=tmp_path, **kwargs)


def one(tmp_path, builder, **kwargs):
    """A tuner with a single trial."""
    return make(tmp_path, GridOracle(), builder, max_trials=1, **kwargs)


def points(tuner):
    return [(trial.values, trial.score) for trial in tuner.trials]


# ---------------------------------------------------------------------- KerasTuner's own tests


@pytest.mark.parametrize(
    ("tuned", "searched", "metrics"),
    [
        ({}, {}, set()),
        (
            {
                "scoring": make_scorer(balanced_accuracy_score),
                "cv": StratifiedKFold(5),
            },
            {},
            set(),
        ),
        (
            {"metrics": [balanced_accuracy_score, recall_score]},
            {},
            {"balanced_accuracy_score", "recall_score"},
        ),
        ({}, {"sample_weight": WEIGHTS}, set()),
        ({"builder": build_pipeline}, {"sample_weight": WEIGHTS}, set()),
        ({"cv": GroupKFold(5)}, {"groups": GROUPS}, set()),
    ],
    ids=["simple", "scoring and cv", "metrics", "weights", "pipeline", "groups"],
)
def test_a_search(tmp_path, tuned, searched, metrics):
    tuner = make(tmp_path, **tuned)
    tuner.search(X, Y, verbose=0, **searched)
    assert len(tuner.oracle.trials) == 10
    best = tuner.oracle.get_best_trials()[0]
    assert best.status == "COMPLETED"
    assert best.score == max(trial.score for trial in tuner.trials)
    assert set(best.metrics) == {"score", *metrics}
    assert all(best.metrics.exists(name) for name in best.metrics)
    assert tuner.get_best_models()[0].score(X, Y) > 0.5


@pytest.mark.filterwarnings("ignore:.*column-vector")
def test_tables(tmp_path):
    tuner = make(tmp_path)
    tuner.search(pd.DataFrame(X), pd.DataFrame(Y), verbose=0)
    assert len(tuner.oracle.trials) == 10


def test_real_data(tmp_path):
    tuner = make(
        tmp_path,
        scoring=make_scorer(accuracy_score),
        metrics=accuracy_score,
        cv=StratifiedKFold(5),
    )
    x, y = load_iris(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=0)
    tuner.search(x_train, y_train, verbose=0)
    assert all(trial.metrics["accuracy_score"] == trial.score for trial in tuner.trials)
    best = tuner.get_best_models(10)
    assert len(best) == 10
    assert best[0].score(x_test, y_test) > 0.8


def test_rows_that_no_estimator_takes(tmp_path):
    tuner = make(tmp_path, cv=StratifiedKFold(3))
    with pytest.raises(RuntimeError, match="Expected 2D array"):
        tuner.search([1, 2, 3, 4, 5, 6], [1, 1, 1, 2, 2, 2], verbose=0)


# ---------------------------------------------------------------------- scores


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (X.tolist(), Y.tolist()),
        (pd.DataFrame(X, index=range(100, 150)), pd.Series(Y, index=range(100, 150))),
        (scipy.sparse.csr_matrix(X), Y),
    ],
    ids=["arrays", "lists", "tables", "sparse"],
)
@pytest.mark.parametrize("cv", [None, StratifiedKFold(3)])
def test_scores_are_those_of_scikit_learn(tmp_path, x, y, cv):
    kwargs = {"scoring": "neg_log_loss", "metrics": accuracy_score, "cv": cv}
    tuner = make(tmp_path, GridOracle(), build_logistic, **kwargs)
    tuner.search(x, y, verbose=0)
    assert len(tuner.trials) == 3
    for trial in tuner.trials:
        estimator = build_logistic(trial.hyperparameters)
        scoring = {"score": "neg_log_loss", "accuracy_score": "accuracy"}
        expected = cross_validate(estimator, x, y, scoring=scoring, cv=cv or FOLDS)
        assert dict(trial.metrics) == {name: expected[f"test_{name}"].mean() for name in scoring}
        assert trial.score == trial.metrics["score"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("build", "weights"),
    [
        (lambda hp: RandomForestClassifier(hp.Fixed("trees", 7), random_state=0), None),
        # It passes weights to the fits of hardly any estimators of today, but to all scores.
        (lambda hp: KNeighborsClassifier(hp.Fixed("neighbours", 7)), WEIGHTS),
    ],
    ids=["plain", "weights"],
)
@pytest.mark.parametrize("scoring", [None, make_scorer(balanced_accuracy_score)])
def test_keras_tuner_finds_the_same_at_the_same_point(tmp_path, build, weights, scoring):
    keras_tuner = pytest.importorskip("keras_tuner")
    found = []
    for module in (keras_tuner, kt):
        tuner = module.SklearnTuner(
            module.oracles.RandomSearchOracle(module.Objective("score", "max"), 1),
            build,
            scoring,
            [recall_score],
            StratifiedKFold(4),
            directory=tmp_path / module.__name__,
        )
        tuner.search(X, Y, sample_weight=weights)
        (trial,) = tuner.oracle.get_best_trials()
        names = "score", "recall_score"
        found.append([trial.score, *(trial.metrics.get_best_value(name) for name in names)])
    assert found[0] == found[1]


# ---------------------------------------------------------------------- a tuner like the others


def test_our_own_oracles_and_the_arguments_of_tuner(tmp_path, capsys):
    ended = []

    class Watching(SklearnTuner):
        def on_trial_end(self, trial):
            ended.append(trial.trial_id)

    tuner = Watching(RandomOracle(), build, max_trials=3, seed=4, directory=tmp_path)
    assert tuner.objective == SCORE
    tuner.search(X, Y, verbose=0)
    assert ended == ["0000", "0001", "0002"]
    tuner.results_summary()
    tuner.search_space_summary()
    shown = capsys.readouterr().out
    assert "The best 3 of 3 trials by score (max)" in shown
    assert "model_type" in shown
    best = tuner.get_best_hyperparameters()[0]
    assert best.values == tuner.get_best_trials()[0].values


@pytest.mark.parametrize(
    "objective", [None, "score", kt.Objective("score"), SCORE], ids=["none", "name", "bare", "max"]
)
def test_the_score_is_maximised(tmp_path, objective):
    ours = make(tmp_path, GridOracle(), build_logistic, objective=objective)
    theirs = make(tmp_path, kt.oracles.GridSearchOracle(objective), build_logistic)
    for tuner in (ours, theirs):
        assert tuner.objective == tuner.oracle.objective == SCORE


def test_a_metric_as_the_objective(tmp_path):
    objective = kt.Objective("max_error", "min")
    oracle = kt.oracles.GridSearchOracle(objective)
    tuner = make(tmp_path, oracle, lambda hp: Ridge(hp.Choice("a", [1e-3, 1e3])), metrics=max_error)
    tuner.search(X, X[:, 0], verbose=0)
    assert tuner.get_best_hyperparameters()[0].values == {"a": 1e-3}
    assert tuner.get_best_trials()[0].score == min(t.metrics["max_error"] for t in tuner.trials)


def test_the_search_in_workers_is_the_same(tmp_path, workers_without_keras):
    kwargs = {"builder": build_logistic, "metrics": recall_score}
    here, there = (make(tmp_path / name, GridOracle(), **kwargs) for name in ("here", "there"))
    here.search(X, Y, sample_weight=WEIGHTS, verbose=0)
    there.search(X, Y, sample_weight=WEIGHTS, workers=2, trial_timeout=600, verbose=0)
    assert points(there) == points(here)
    assert [dict(t.metrics) for t in there.trials] == [dict(t.metrics) for t in here.trials]
    assert there.get_best_models()[0].score(X, Y) == here.get_best_models()[0].score(X, Y)


def test_samples_of_an_earlier_search_do_not_travel(tmp_path):
    tuner = one(tmp_path, build_logistic)
    tuner.search(X, Y, verbose=0)
    assert tuner.__getstate__()["_samples"] is None
    assert tuner.get_best_models()


SCRIPT = """
import os, signal, sys
import numpy as np
from sklearn.linear_model import LogisticRegression
import kerastune_lite as kt

directory, deadly = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
x = rng.normal(size=(60, 4))
y = (x[:, 0] > 0).astype(int)
scored = 0

def score(estimator, x, y):
    global scored
    scored += 1
    if scored == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return estimator.score(x, y)

oracle = kt.oracles.BayesianOptimizationOracle(max_trials=4, seed=3)
build = lambda hp: LogisticRegression(C=hp.Float("C", 0.01, 10.0, sampling="log"))
tuner = kt.SklearnTuner(oracle, build, score, directory=directory)
tuner.search(x, y, verbose=0)
model = tuner.get_best_models()[0]
print(scored, "scores;", [(t.values, t.score) for t in tuner.trials], model.score(x, y))
print(*sys.modules)
"""


def run(directory, deadly):
    command = [sys.executable, "-c", SCRIPT, str(directory), str(deadly)]
    return subprocess.run(command, capture_output=True, text=True, env=environment())


def test_a_killed_search_goes_on_and_keras_is_not_loaded(tmp_path):
    whole = run(tmp_path / "whole", -1)
    told, modules = whole.stdout.splitlines()
    scored, results = told.split(" scores;")
    assert scored == "20"
    assert not {"keras", "tensorflow"} & set(modules.split())
    assert run(tmp_path / "killed", 13).returncode == -signal.SIGKILL
    again = run(tmp_path / "killed", -1).stdout.splitlines()[0]
    assert again.split(" scores;") == ["10", results], "two trials were finished"


def test_a_project_goes_on_with_more_trials(tmp_path):
    first = make(tmp_path, bayesian(max_trials=2))
    first.search(X, Y, verbose=0)
    second = make(tmp_path, bayesian(max_trials=4))
    assert points(second) == points(first)
    second.search(X, Y, verbose=0)
    assert points(second)[:2] == points(first)
    assert len(second.trials) == 4
    first.reload()
    assert points(first) == points(second)


@pytest.mark.parametrize("other", [{"cv": KFold(3)}, {"scoring": "roc_auc"}], ids=["cv", "scoring"])
def test_other_folds_or_scores_are_refused(tmp_path, other):
    one(tmp_path, build_logistic).search(X, Y, verbose=0)
    with pytest.raises(SettingsMismatchError, match=r"compile: .*in the project"):
        one(tmp_path, build_logistic, **other)
    assert len(one(tmp_path, build_logistic, cv=FOLDS).trials) == 1, "the default, written out"


# ---------------------------------------------------------------------- models


def test_models_are_fitted_on_the_samples_of_the_search(tmp_path):
    make(tmp_path, GridOracle(), build_logistic).search(X, Y, verbose=0)
    tuner = make(tmp_path, GridOracle(), build_logistic)
    best = tuner.get_best_trials()[0]
    for load in (tuner.get_best_models, lambda: tuner.load_model(best), tuner.to_sklearn):
        with pytest.raises(ValueError, match=r"Call search\(X, y\), which continues the project"):
            load()
    expected = build_logistic(best.hyperparameters).fit(X, Y).coef_
    np.testing.assert_array_equal(tuner.retrain(None, X, Y).coef_, expected)
    np.testing.assert_array_equal(tuner.retrain(best, X, Y).coef_, expected)
    before = points(tuner)
    tuner.search(X, Y, verbose=0)
    assert points(tuner) == before
    for model in (tuner.get_best_models()[0], tuner.load_model(best), tuner.to_sklearn()):
        np.testing.assert_array_equal(model.coef_, expected)
    assert not list(tmp_path.rglob("*.pickle"))


def test_models_are_fitted_with_the_weights_of_the_search(tmp_path):
    tuner = one(tmp_path, build_logistic)
    tuner.search(X, Y, sample_weight=WEIGHTS, verbose=0)
    expected = build_logistic(tuner.trials[0].hyperparameters).fit(X, Y, WEIGHTS).coef_
    np.testing.assert_array_equal(tuner.get_best_models()[0].coef_, expected)


def test_no_model_before_a_search(tmp_path):
    with pytest.raises(ValueError, match=r"No trial|no trial"):
        make(tmp_path).get_best_models()


def test_models_that_a_subclass_stores(tmp_path):
    stored = {}

    class Storing(SklearnTuner):
        def save_model(self, trial_id, model, step=0):
            super().save_model(trial_id, model, step)
            stored[trial_id] = model

        def load_model(self, trial):
            return stored[trial.trial_id]

    tuner = Storing(GridOracle(), build_logistic, directory=tmp_path)
    tuner.search(X, Y, verbose=0)
    best = tuner.get_best_trials()[0]
    assert list(stored) == ["0000", "0001", "0002"]
    train = list(FOLDS.split(X))[-1][0]
    expected = build_logistic(best.hyperparameters).fit(X[train], Y[train]).coef_
    np.testing.assert_array_equal(tuner.get_best_models()[0].coef_, expected)


def test_scores_on_other_samples(tmp_path):
    tuner = make(tmp_path, GridOracle(), build_logistic, scoring="neg_log_loss")
    tuner.search(X[:40], Y[:40], verbose=0)
    rows = tuner.evaluate_best(X[40:], Y[40:], top=2)
    best = tuner.get_best_trials(2)
    score = get_scorer("neg_log_loss")
    assert [row.trial for row in rows] == [trial.number for trial in best]
    assert [row.validation for row in rows] == [trial.score for trial in best]
    models = tuner.get_best_models(2)
    assert [row.held_out for row in rows] == [score(model, X[40:], Y[40:]) for model in models]


def test_run_trial_may_be_overridden(tmp_path):
    class Halves(SklearnTuner):
        def run_trial(self, trial, X, y, sample_weight=None, groups=None):
            assert self.scoring is None
            assert (self.cv.n_splits, self.metrics) == (5, [recall_score])
            halves = [slice(None, 25), slice(25, None)]
            parts = [super(Halves, self).run_trial(trial, X[half], y[half]) for half in halves]
            return {"worst": min(part["score"] for part in parts)}

    objective = kt.Objective("worst", "max")
    oracle = kt.oracles.GridSearchOracle(objective)
    tuner = Halves(oracle, build_logistic, metrics=recall_score, directory=tmp_path)
    tuner.search(X, Y, verbose=0)
    for trial in tuner.trials:
        estimator = build_logistic(trial.hyperparameters)
        halves = [(X[:25], Y[:25]), (X[25:], Y[25:])]
        means = [cross_validate(estimator, *half, cv=FOLDS)["test_score"].mean() for half in halves]
        assert trial.score == min(means)


def test_the_splitter_s_own_generator_is_not_used_before_the_first_trial(tmp_path):
    tuner = one(tmp_path, build_logistic, cv=KFold(4, shuffle=True, random_state=7))
    tuner.cv = KFold(4, shuffle=True, random_state=np.random.RandomState(7))
    tuner.search(X, Y, verbose=0)
    cv = KFold(4, shuffle=True, random_state=np.random.RandomState(7))
    estimator = build_logistic(tuner.trials[0].hyperparameters)
    assert tuner.trials[0].score == cross_validate(estimator, X, Y, cv=cv)["test_score"].mean()


# ---------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"oracle": "random"}, TypeError, r"`oracle` must be one of .*Received: 'random'"),
        ({"oracle": RandomOracle}, TypeError, r"write RandomOracle\(\.\.\.\)"),
        ({"builder": None}, ValueError, r"SklearnTuner needs a `hypermodel`"),
        ({"builder": lambda hp: hp.Int("x", 0, 3)}, TypeError, r"must return an estimator.*int"),
        ({"builder": lambda hp: None}, TypeError, r"Did you forget the return\?"),
        ({"builder": lambda hp: Ridge}, TypeError, r"must return an estimator"),
        ({"cv": 3}, TypeError, r"`cv` must be a splitter.*Received: 3 of type int"),
        ({"cv": "five"}, TypeError, r"`cv` must be a splitter"),
        ({"cv": KFold}, TypeError, r"`cv` must be a splitter"),
        ({"scoring": ["accuracy"]}, TypeError, r"`scoring` must be one scorer"),
        ({"scoring": "acuracy"}, ValueError, r"acuracy"),
        ({"scoring": accuracy_score}, ValueError, r"looks like it is a metric function"),
        ({"metrics": "accuracy"}, TypeError, r"Received: 'accuracy' of type str"),
        ({"metrics": [make_scorer(max_error)]}, TypeError, r"`metrics` must be functions"),
        ({"metrics": [max_error] * 2}, ValueError, r"Received: 'max_error' twice"),
        ({"oracle": kt.oracles.HyperbandOracle(SCORE)}, ValueError, r"`scheduler` is for Keras"),
        ({"oracle": RandomOracle(), "scheduler": ASHA(9)}, ValueError, r"`scheduler` is for Keras"),
        ({"oracle": RandomOracle(), "loss": "mse"}, ValueError, r"Received: loss='mse'"),
        ({"oracle": RandomOracle(), "objective": "val_loss"}, ValueError, r"'score'.*'val_loss'"),
        ({"oracle": bayesian("val_loss"), "metrics": max_error}, ValueError, r"'max_error'\. Rec"),
    ],
)
def test_mistakes_are_told_before_a_search(tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        make(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "cv", "message"),
    [
        ({"y": Y[:-1]}, None, r"X has 50, y has 49"),
        ({"sample_weight": WEIGHTS[:9]}, None, r"y has 50, sample_weight has 9"),
        ({"groups": GROUPS[:-1]}, GroupKFold(5), r"groups has 49"),
        ({}, GroupKFold(5), r"'groups' parameter should not be None"),
        ({"X": X[:3], "y": Y[:3]}, None, r"n_splits=5 greater than the number of samples"),
    ],
)
def test_data_that_does_not_fit_is_refused_before_the_first_trial(tmp_path, arguments, cv, message):
    tuner = make(tmp_path, cv=cv)
    with pytest.raises(ValueError, match=message):
        tuner.search(**{"X": X, "y": Y, "verbose": 0, **arguments})
    assert tuner.trials == []


def test_a_splitter_without_folds_is_refused(tmp_path):
    class Nothing:
        def split(self, x, y):
            return iter(())

    with pytest.raises(ValueError, match=r"`cv` must yield at least one fold"):
        make(tmp_path, cv=Nothing()).search(X, Y, verbose=0)


def test_a_metric_that_is_no_number_fails_the_trial(tmp_path):
    tuner = one(tmp_path, build_logistic, metrics=confusion_matrix)
    with pytest.raises(RuntimeError, match="TypeError"):
        tuner.search(X, Y, verbose=0)
