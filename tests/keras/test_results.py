import math

import numpy as np
import pytest

from kerastune_lite._src.core.goals import create_objective
from kerastune_lite._src.core.objective import DefaultObjective, Objective, Sum
from kerastune_lite._src.search.execution.returned import (
    combined,
    finite,
    from_history,
    read_results,
    scalar,
    scalars,
)
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError
from tests.keras.models import keras

ACCURACY = Objective("val_accuracy", "max")
CURVES = {"val_accuracy": [0.5, 0.9, 0.7], "loss": [3.0, 2.0, 1.0]}


def read(returned, objective=ACCURACY):
    return read_results(returned, objective, "HyperModel.fit()")


def history(curves):
    made = keras.callbacks.History()
    made.history = curves
    return made


def numbers():
    import tensorflow as tf

    return [
        0.5,
        np.float32(0.5),
        np.float64(0.5),
        np.array(0.5),
        np.array([[0.5]]),
        tf.constant(0.5),
        tf.Variable(0.5),
        tf.constant(0.5, tf.bfloat16),
        keras.Variable(0.5),
    ]


@pytest.mark.parametrize("index", range(9))
def test_a_number_of_any_kind(index):
    value = numbers()[index]
    (result,) = read(value)
    assert result.score == 0.5
    assert type(result.score) is float
    assert result.metrics == {"val_accuracy": 0.5}
    assert result.best_epoch is None
    assert result.epochs == 0
    (result,) = read({"val_accuracy": value, "other": 1})
    assert (result.score, result.metrics) == (0.5, {"val_accuracy": 0.5, "other": 1.0})


@pytest.mark.parametrize(
    "value", [None, "0.5", np.str_("0.5"), [0.5], {}, np.zeros(3), 1j, np.complex64(1), object()]
)
def test_what_is_no_number(value):
    assert scalar(value) is None


def test_scalars_leaves_out_what_is_no_number():
    metrics = {
        "loss": 1,
        "f1_score": np.ones(3),
        "note": "hm",
        "nothing": None,
        "lr": np.float32(2),
    }
    assert scalars(metrics) == {"loss": 1.0, "lr": 2.0}


@pytest.mark.parametrize(
    "made", [history, dict, lambda curves: {k: tuple(v) for k, v in curves.items()}]
)
def test_of_a_history_the_best_epoch_counts(made):
    (result,) = read(made(CURVES))
    assert result.score == 0.9
    assert result.best_epoch == 1
    assert result.metrics == {"val_accuracy": 0.9, "loss": 2.0}
    assert result.epochs == 3
    (result,) = read(made(CURVES), Objective("loss", "min"))
    assert (result.score, result.best_epoch) == (1.0, 2)


def test_of_equal_epochs_the_first():
    assert read({"val_accuracy": [0.1, 0.8, 0.8]})[0].best_epoch == 1


def test_a_list_holds_one_result_for_each_execution():
    results = read([0.25, {"val_accuracy": 0.5}, history(CURVES), (0.75, 1)])
    assert [result.score for result in results] == [0.25, 0.5, 0.9, 0.75, 1.0]


def test_a_sum_of_objectives_counts_as_one():
    objective = Sum([Objective("val_loss", "min"), Objective("val_accuracy", "max")])
    (result,) = read({"val_loss": 2.0, "val_accuracy": 0.5}, objective)
    assert result.score == 1.5
    (result,) = read({"val_loss": [2.0, 1.0, 1.0], "val_accuracy": [0.9, 0.1, 0.2]}, objective)
    assert (result.score, result.best_epoch) == (0.8, 2)
    with pytest.raises(FatalValueError, match=r"There is no 'val_loss'; there are: val_accuracy"):
        read({"val_accuracy": 0.5}, objective)


class TestSeveralGoals:
    GUIDE = create_objective(
        [Objective("val_loss", "min"), Objective("val_accuracy", "max"), "model_size"],
        ["val_auc >= 0.5"],
    ).guide

    def test_epochs_are_compared_by_the_first_metric(self):
        curves = {"val_loss": [2.0, 1.0], "val_accuracy": [0.9, 0.1], "val_auc": [0.5, 0.6]}
        (result,) = read(curves, self.GUIDE)
        assert (result.score, result.best_epoch) == (1.0, 1)
        assert result.metrics == {"val_loss": 1.0, "val_accuracy": 0.1, "val_auc": 0.6}

    def test_all_that_training_reports_must_be_there(self):
        with pytest.raises(FatalValueError, match=r"There is no 'val_accuracy' and 'val_auc'"):
            read({"val_loss": 2.0}, self.GUIDE)

    def test_a_number_is_not_enough(self):
        with pytest.raises(
            FatalTypeError,
            match=r"With several objectives, or constraints, HyperModel.fit\(\) must return a dict "
            r"with all metrics that these name: val_loss, val_accuracy, val_auc. Received: 0.5.",
        ):
            read(0.5, self.GUIDE)
        one = create_objective("val_loss", ["model_size <= 9"]).guide
        assert read(0.5, one)[0].metrics == {"val_loss": 0.5}

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    @pytest.mark.parametrize("name", ["val_accuracy", "val_auc"])
    def test_one_that_is_not_finite_fails_the_trial(self, name, value):
        returned = {"val_loss": 2.0, "val_accuracy": 0.5, "val_auc": 0.5, name: value}
        (result,) = read(returned, self.GUIDE)
        with pytest.raises(FloatingPointError, match=f"{name} is {value}; the score of a trial"):
            finite(result, self.GUIDE)

    def test_epochs_without_all_of_them_do_not_count(self):
        curves = {
            "val_loss": [0.5, 1.0, 2.0],
            "val_accuracy": [math.nan, 0.1, 0.2],
            "val_auc": [0.6, 0.6, 0.6],
        }
        (result,) = read(curves, self.GUIDE)
        assert finite(result, self.GUIDE).best_epoch == 1


@pytest.mark.parametrize("wrong", ["0.9", object(), {1, 2}, np.zeros(2), keras.Input((2,))])
def test_other_types_are_refused(wrong):
    with pytest.raises(FatalTypeError, match=r"must return a float, a dict") as caught:
        read(wrong)
    assert f"of type {type(wrong).__name__}" in str(caught.value)
    with pytest.raises(FatalTypeError, match=r"must return a float"):
        read([0.5, wrong])


def test_none_gets_a_hint():
    with pytest.raises(FatalTypeError, match=r"Did you forget to return the result"):
        read(None)


def test_an_empty_list_is_refused():
    with pytest.raises(FatalValueError, match=r"at least one result. Received: \[\]"):
        read([])


@pytest.mark.parametrize("made", [dict, history])
def test_a_missing_objective_names_what_is_there(made):
    with pytest.raises(FatalValueError) as caught:
        read(made({"val_acc": [0.1], "loss": [0.2]}))
    assert "HyperModel.fit()" in str(caught.value)
    assert "There is no 'val_accuracy'; there are: loss, val_acc." in str(caught.value)
    with pytest.raises(FatalValueError, match=r"there are: none"):
        read(made({}))


def test_without_an_objective_only_a_number_will_do():
    assert read(0.5, DefaultObjective())[0].score == 0.5
    for returned in ({"loss": 0.1}, history(CURVES)):
        with pytest.raises(FatalTypeError, match=r"must return a single float to minimise"):
            read(returned, DefaultObjective())


def test_a_metric_per_class_is_left_out():
    curves = {**CURVES, "val_f1_score": [np.array([0.1, 0.2])] * 3}
    assert set(read(history(curves))[0].metrics) == set(CURVES)


def test_a_metric_per_class_as_objective_shows_the_fix():
    objective = Objective("val_f1_score", "max")
    for values in (np.array([0.1, 0.2]), [np.array([0.1, 0.2])]):
        with pytest.raises(FatalValueError, match=r"must be a single number") as caught:
            read({"val_f1_score": values, "loss": values}, objective)
        assert 'F1Score(average="macro")' in str(caught.value)


def test_a_metric_per_class_for_a_single_class_is_a_number():
    curves = {"val_f1_score": [np.array([0.25]), np.array([0.5])]}
    assert read(curves, Objective("val_f1_score", "max"))[0].score == 0.5


def test_epochs_that_are_not_finite_do_not_count():
    (result,) = read({"val_accuracy": [math.nan, 0.5, math.inf, None], "loss": [1, 2, 3, 4]})
    assert (result.score, result.best_epoch, result.metrics["loss"]) == (0.5, 1, 2.0)


def test_metrics_that_the_best_epoch_did_not_measure_are_left_out():
    (result,) = read({"val_accuracy": [0.5, 0.1], "rate": [None, 2.0], "late": [math.nan, 1.0]})
    assert result.metrics == {"val_accuracy": 0.5}


def test_a_history_without_epochs_is_refused():
    with pytest.raises(FatalValueError, match=r"at least one epoch"):
        from_history({"val_accuracy": []}, ACCURACY, "model.fit()")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_fails_the_trial(value):
    for returned in (value, {"val_accuracy": value}, {"val_accuracy": [value, value]}):
        (result,) = read(returned)
        assert not math.isfinite(result.score)
        with pytest.raises(FloatingPointError, match=f"val_accuracy is {value}"):
            finite(result, ACCURACY)


def test_a_finite_score_passes():
    (result,) = read(0.5)
    assert finite(result, ACCURACY) is result
    (result,) = read(math.nan, DefaultObjective())
    with pytest.raises(FloatingPointError, match=r"The result is nan"):
        finite(result, DefaultObjective())


def test_folds_are_combined_by_their_means():
    results = read([{"val_accuracy": 0.5, "loss": 1}, {"val_accuracy": 1.0}])
    assert combined(results).score == 0.75
    assert combined(results).metrics == {"val_accuracy": 0.75}
    assert combined(results[:1]) is results[0]
