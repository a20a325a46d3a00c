"""The metrics of a trial, as KerasTuner's scripts read them."""

import math

import pytest

from kerastune_lite._src.core.metrics import MetricObservation, Metrics

SERIES = {"val_accuracy": {1: [0.75, 0.25], 0: [0.25], 2: [math.nan]}}
DIRECTIONS = {"val_accuracy": "max"}


def test_a_metric_has_its_value_at_the_best_epoch():
    metrics = Metrics({"loss": 0.5}, step=3)
    assert metrics["loss"] == 0.5
    assert metrics.get_history("loss") == [MetricObservation([0.5], 3)]
    assert (metrics.get_best_step("loss"), metrics.get_direction("loss")) == (3, "min")
    with pytest.raises(ValueError, match="There is no metric 'auc'"):
        metrics.get_best_value("auc")


def test_a_series_has_all_steps_in_their_order():
    metrics = Metrics({"val_accuracy": 0.5}, 1, SERIES, DIRECTIONS)
    assert [each.step for each in metrics.get_history("val_accuracy")] == [0, 1, 2]
    assert metrics.get_best_value("val_accuracy") == 0.5
    assert metrics.get_best_step("val_accuracy") == 1
    assert math.isnan(metrics.get_last_value("val_accuracy"))
    assert metrics.get_statistics("val_accuracy")["mean"] == 0.375


def test_the_metrics_by_name():
    metrics = Metrics({"val_accuracy": 0.5, "loss": 0.1}, 1, SERIES, DIRECTIONS)
    assert list(metrics.metrics) == ["val_accuracy", "loss"]
    held = metrics.metrics["val_accuracy"]
    assert held.direction == "max"
    assert held.get_history() == metrics.get_history("val_accuracy")
    assert held.get_best_value() == 0.5
    assert metrics.get_config()["metrics"]["loss"] == {
        "direction": "min",
        "observations": [{"value": [0.1], "step": 1}],
    }
