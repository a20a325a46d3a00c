"""What users may write as a constraint, and how far a trial is beyond it."""

import functools
import math

import numpy as np
import pytest

from kerastune_lite._src.core.constraint import Constraint, constraint_from_json, constraints_of
from kerastune_lite._src.core.trial import Trial

TRIAL = Trial(3, {"units": 8}, score=0.5, metrics={"val_loss": 0.5})


def small(trial):
    return trial.values["units"] <= 16


def size(trial):
    return trial.values["units"] - 10


class Bound:
    def __call__(self, trial):
        return True


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "name", "at_most", "bound"),
        [
            ("model_size <= 1e6", "model_size", True, 1e6),
            ("val_accuracy>=0.9", "val_accuracy", False, 0.9),
            ("  loss<= -2.5 ", "loss", True, -2.5),
            ("inference_time <= 5", "inference_time", True, 5.0),
            ("a metric with spaces >= 1_000", "a metric with spaces", False, 1000.0),
            ("out/val-auc >= .5", "out/val-auc", False, 0.5),
        ],
    )
    def test_a_metric_a_sign_and_a_number(self, text, name, at_most, bound):
        assert constraints_of([text]) == (Constraint(name, at_most, bound),)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "model_size",
            "model_size < 5",
            "model_size == 5",
            "model_size => 5",
            "5 >= model_size",
            "<= 5",
            "model_size <=",
            "model_size <= many",
            "model_size <= nan",
            "model_size <= inf",
            "1 <= model_size <= 5",
            "a <= 1, b <= 2",
            "a <= b <= 2",
        ],
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(
            ValueError,
            match=r"must be the name of a metric, <= or >=, and a number, as in "
            r'"model_size <= 1e6" or "val_accuracy >= 0.9". Received: ',
        ) as refused:
            constraints_of([text])
        assert repr(text) in str(refused.value)

    def test_one_needs_no_list_and_none_is_none(self):
        assert constraints_of("loss <= 1") == constraints_of(["loss <= 1"])
        assert constraints_of(("loss <= 1", "auc >= 0")) == constraints_of(
            ["loss <= 1", "auc >= 0"]
        )
        assert constraints_of(None) == constraints_of([]) == ()

    @pytest.mark.parametrize("given", [5, 0.5, {"model_size": 5}, [["loss <= 1"]], int, b"a <= 1"])
    def test_other_types_are_refused(self, given):
        with pytest.raises(
            TypeError, match=r"must be a text such as .* or a function of a trial. Received: "
        ):
            constraints_of(given)

    def test_it_reads_as_it_was_written(self):
        written = ["model_size <= 1e+06", "val_accuracy >= 0.9"]
        assert [str(each) for each in constraints_of(written)] == written


class TestExcess:
    @pytest.mark.parametrize(
        ("text", "value", "excess"),
        [
            ("m <= 10", 10, 0.0),
            ("m <= 10", 15, 0.5),
            ("m <= 10", 5, -0.5),
            ("m >= 10", 5, 0.5),
            ("m >= 10", 12, -0.2),
            ("m <= -10", -5, 0.5),
            ("m <= 0", 3, 3.0),  # there is nothing to which it could be relative
            ("m <= 10", math.inf, math.inf),
            ("m <= 10", -math.inf, -math.inf),
            ("m <= 10", math.nan, math.inf),
            ("m >= 10", math.nan, math.inf),
        ],
    )
    def test_it_is_relative_to_the_bound(self, text, value, excess):
        (constraint,) = constraints_of(text)
        assert constraint.excess({"m": value}) == pytest.approx(excess)

    def test_without_the_metric_it_is_not_satisfied(self):
        assert constraints_of("m <= 10")[0].excess({"other": 1.0}) == math.inf

    def test_the_direction_is_that_of_the_sign(self):
        directions = [each.objective.direction for each in constraints_of(["m <= 1", "n >= 1"])]
        assert directions == ["min", "max"]


class TestFunctions:
    @pytest.mark.parametrize(
        ("returned", "value", "allowed"),
        [
            (True, -1.0, True),
            (False, 1.0, False),
            (np.True_, -1.0, True),
            (np.bool_(False), 1.0, False),
            (0, 0.0, True),
            (-2, -2.0, True),
            (0.25, 0.25, False),
            (np.float32(3), 3.0, False),
        ],
    )
    def test_what_they_may_return(self, returned, value, allowed):
        def rule(trial):
            return returned

        (constraint,) = constraints_of([rule])
        metrics = constraint.measured(TRIAL)
        assert metrics == {"constraint/rule": pytest.approx(value, nan_ok=True)}
        assert (constraint.excess(metrics) <= 0.0) is allowed

    @pytest.mark.parametrize("returned", [None, "yes", [1.0], np.ones(2), math.nan])
    def test_anything_else_is_an_error_that_names_them(self, returned):
        def rule(trial):
            return returned

        with pytest.raises(
            TypeError,
            match=r"The constraint rule\(trial\) must return True if the trial is allowed and "
            r"False if not, or a number that is at most 0 if it is allowed. Received: ",
        ):
            constraints_of([rule])[0].measured(TRIAL)

    def test_they_get_the_trial(self):
        assert constraints_of([size])[0].measured(TRIAL) == {"constraint/size": -2.0}
        assert constraints_of([small])[0].measured(TRIAL) == {"constraint/small": -1.0}

    def test_names_of_all_kinds_of_functions(self):
        given = [small, Bound(), functools.partial(size), lambda trial: True, lambda trial: 1]
        assert [str(each) for each in constraints_of(given)] == [
            "small(trial)",
            "Bound(trial)",
            "partial(trial)",
            "lambda 4(trial)",
            "lambda 5(trial)",
        ]

    def test_two_of_one_name_cannot_be_told_apart(self):
        with pytest.raises(ValueError, match=r"told apart by the names .* several named 'small'"):
            constraints_of([small, size, small])

    def test_a_class_is_not_a_function_of_a_trial(self):
        with pytest.raises(TypeError, match=r"Received: <class .*Bound'> of type type"):
            constraints_of([Bound])

    def test_what_they_raise_is_not_hidden(self):
        said = rf"lambda 1\(trial\) failed for trial {TRIAL.number} with ZeroDivisionError: div"
        with pytest.raises(RuntimeError, match=said):
            constraints_of([lambda trial: 1 / 0])[0].measured(TRIAL)

    def test_the_same_constraint_twice_is_an_error(self):
        with pytest.raises(ValueError, match=r"must be given once. Received 'm <= 10' more than"):
            constraints_of(["m <= 10", "m<=1e1"])


@pytest.mark.parametrize("given", ["model_size <= 1e6", "val_accuracy >= 0.9", small])
def test_json_and_back(given):
    (constraint,) = constraints_of([given])
    again = constraint_from_json(constraint.to_json())
    assert again == constraint
    assert str(again) == str(constraint)
    assert again.is_function == constraint.is_function
    # Results of functions are stored with their trials.
    assert again.measured(TRIAL) == {}
    value = {constraint.name: 0.5}
    assert again.excess(value) == constraint.excess(value)
