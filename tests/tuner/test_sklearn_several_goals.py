"""SklearnTuner with several objectives and constraints."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score, make_scorer
from sklearn.tree import DecisionTreeClassifier

import kerastune_lite as kt
from kerastune_lite._src.util.errors import FatalValueError

X, Y = make_classification(80, 5, random_state=0)
SCORE = kt.Objective("score", "max")


def tree(hp):
    return DecisionTreeClassifier(max_depth=hp.Int("depth", 1, 6), random_state=0)


def leaves(trial):
    return trial.values["depth"] <= 3


def searched(path, **kwargs):
    tuner = kt.SklearnTuner(
        kt.oracles.RandomSearchOracle(max_trials=4, seed=0, **kwargs.pop("oracle", {})),
        tree,
        directory=path,
        project_name="p",
        **kwargs,
    )
    tuner.search(X, Y)
    return tuner


def accuracy(y, predicted):
    return float(np.mean(y == predicted))


def test_two_scores(tmp_path):
    tuner = searched(
        tmp_path,
        oracle={"objective": ["score", kt.Objective("accuracy", "max")]},
        metrics=[accuracy],
    )
    for trial in tuner.trials:
        assert trial.losses == (-trial.metrics["score"], -trial.metrics["accuracy"])
    assert tuner.pareto_front()
    assert tuner.get_best_models()
    evaluated = tuner.evaluate_best(X, Y, top=2)
    assert all(row.held_out >= row.validation for row in evaluated.rows)


def test_the_score_and_the_time(tmp_path):
    tuner = searched(tmp_path, oracle={"objective": [SCORE, "train_time"]})
    assert all(t.losses[0] == -t.score and t.losses[1] > 0.0 for t in tuner.trials)


def test_constraints(tmp_path):
    tuner = searched(tmp_path, constraints=["score >= 0.1", leaves])
    assert all(trial.excesses[0] < 0.0 for trial in tuner.trials)
    assert {trial.excesses[1] for trial in tuner.trials} == {-1.0, 1.0}
    best = tuner.get_best_trials()[0]
    assert leaves(best)
    assert tuner.get_best_models()[0].max_depth == best.values["depth"]


def test_metrics_that_there_are_not(tmp_path):
    scorer = make_scorer(f1_score)
    with pytest.raises(ValueError, match=r"must be 'score' or the name of one of the tuner's"):
        searched(tmp_path, oracle={"objective": ["score", "other"]}, scoring=scorer)
    with pytest.raises(ValueError, match=r"must be 'score' or the name of one of the tuner's"):
        searched(tmp_path, constraints=["other >= 1"])


def test_a_model_of_keras_alone_can_be_measured(tmp_path):
    with pytest.raises(FatalValueError, match=r"must return 'model_size' among its metrics"):
        searched(tmp_path, oracle={"objective": [SCORE, "model_size"]})
