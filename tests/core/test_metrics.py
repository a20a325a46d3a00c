import copy

import pytest

from kerastune_lite._src.core.metrics import MetricObservation, Metrics, direction_of
from kerastune_lite._src.core.objective import Objective
from kerastune_lite.oracles import Trial

SERIES = {"loss": {0: [3.0, 1.0], 2: [1.5], 1: [float("nan")]}, "acc": {0: [0.2], 1: [0.6]}}


@pytest.fixture
def metrics():
    return Metrics({"loss": 1.5, "acc": 0.6}, 2, SERIES, {"acc": "max"})


def test_a_mapping_as_any_other():
    metrics = Metrics({"loss": 0.5})
    assert metrics == {"loss": 0.5}
    assert dict(metrics) == {"loss": 0.5}
    assert copy.deepcopy(metrics) == metrics


def test_one_observation_at_the_best_epoch():
    metrics = Trial(0, {}, metrics={"loss": 0.5}, best_step=4).metrics
    assert metrics.exists("loss")
    assert not metrics.exists("acc")
    assert metrics.get_history("loss") == [MetricObservation([0.5], 4)]
    assert metrics.get_best_value("loss") == metrics.get_last_value("loss") == 0.5
    assert metrics.get_best_step("loss") == 4


def test_a_series_is_in_the_order_of_its_steps(metrics):
    assert [each.step for each in metrics.get_history("loss")] == [0, 1, 2]
    assert metrics.get_history("loss")[0].mean() == 2.0
    assert metrics.get_last_value("loss") == 1.5


def test_the_best_by_direction_and_without_nan(metrics):
    assert (metrics.get_best_value("loss"), metrics.get_best_step("loss")) == (1.5, 2)
    assert (metrics.get_best_value("acc"), metrics.get_best_step("acc")) == (0.6, 1)
    assert (metrics.get_direction("loss"), metrics.get_direction("acc")) == ("min", "max")


def test_nothing_but_nan():
    metrics = Metrics({"loss": float("nan")})
    assert metrics.get_best_value("loss") is None
    assert metrics.get_best_step("loss") is None
    assert metrics.get_statistics("loss") == {}


def test_statistics_are_of_the_means(metrics):
    found = metrics.get_statistics("acc")
    assert found["min"] == 0.2
    assert found["max"] == 0.6
    assert found["mean"] == found["median"] == pytest.approx(0.4)
    assert found["std"] == pytest.approx(0.2)
    assert found["var"] == pytest.approx(0.04)


def test_an_unknown_metric_is_named_with_those_there_are(metrics):
    with pytest.raises(ValueError, match=r"no metric 'auc'\. The trial has: loss, acc\."):
        metrics.get_history("auc")


def test_the_config_is_kerastuners(metrics):
    from keras_tuner.src.engine.metrics_tracking import MetricsTracker

    read = MetricsTracker.from_config(metrics.get_config())
    assert read.get_best_value("acc") == 0.6
    assert read.get_direction("acc") == "max"
    assert read.get_history("loss")[0].value == [3.0, 1.0]
    assert read.get_config()["metrics"]["acc"] == metrics.get_config()["metrics"]["acc"]


def test_a_trial_has_the_state_of_kerastuners(capsys):
    from keras_tuner.src.engine.trial import Trial as Theirs

    hp = Trial(3, {"units": 8}, metrics={"loss": 0.5}, score=0.5, best_step=1, message="Oh no")
    read = Theirs.from_state(hp.get_state())
    assert (read.trial_id, read.score, read.best_step) == ("0003", 0.5, 1)
    assert read.metrics.get_best_value("loss") == 0.5
    hp.summary()
    ours = capsys.readouterr().out
    read.summary()
    assert ours == capsys.readouterr().out


def test_the_metrics_by_name(metrics):
    assert list(metrics.metrics) == ["loss", "acc"]
    held = metrics.metrics["acc"]
    assert held.direction == "max"
    assert held.get_history() == metrics.get_history("acc")
    assert held.get_best_value() == 0.6


@pytest.mark.parametrize("name", ["val_accuracy", "auc_2", "val_f1_score", "val_loss", "own"])
def test_a_direction_by_name(name):
    known = "min" if name in ("val_loss", "own") else "max"
    assert Metrics({name: 0.5}).get_direction(name) == direction_of(name) == known
    assert direction_of(name, Objective(name, "min")) == "min"
