"""Importances against functions whose shares are known on paper."""

import numpy as np
import pytest

from kerastune_lite._src.analysis.importances import MIN_TRIALS, importances
from kerastune_lite._src.space.parameters import Condition
from kerastune_lite.hyperparameters import Boolean, Choice, Fixed, Float, Int, Parameter, Space
from tests.analysis.trials import ACCURACY, LOSS, completed, cube, failed, sampled


def additive(values):
    """Variances 9/12, 4/12 and 1/12."""
    return 3 * values["x0"] + 2 * values["x1"] + values["x2"]


def test_an_additive_function():
    found = importances(sampled(cube(5), additive, 400), LOSS)
    assert list(found.values)[:3] == ["x0", "x1", "x2"]
    for name, share in zip(("x0", "x1", "x2", "x3", "x4"), (9 / 14, 4 / 14, 1 / 14, 0, 0)):
        assert found.values[name] == pytest.approx(share, abs=0.05)
    assert max(found.interactions.values()) < 0.03
    assert sum(found.values.values()) + sum(found.interactions.values()) <= 1 + 1e-9
    assert found.quality > 0.9
    assert found.trials == 400
    assert found.spread["x0"] > found.spread["x4"] > 0


def test_a_pure_interaction():
    found = importances(sampled(cube(3), lambda v: (v["x0"] > 0.5) != (v["x2"] > 0.5), 400), LOSS)
    pair, share = next(iter(found.interactions.items()))
    assert pair == ("x0", "x2")
    assert share > 0.7
    assert max(found.values.values()) < 0.05
    assert "x0 × x2" in str(found)


def test_the_same_seed_tells_the_same():
    trials = sampled(cube(3), additive, 60)
    assert importances(trials, LOSS, seed=3) == importances(trials[::-1], LOSS, seed=3)
    assert importances(trials, LOSS, seed=3) != importances(trials, LOSS, seed=4)


def test_scores_to_be_maximised_have_the_same_importances():
    trials = sampled(cube(3), additive, 60)
    turned = [completed(t.number, t.values, t.space, -t.loss, objective=ACCURACY) for t in trials]
    assert importances(trials, LOSS).values == importances(turned, ACCURACY).values


def test_an_inactive_hyperparameter_has_no_effect():
    """(2m - 1) where it is active, one half of the cube: half of it is momentum's own."""
    space = Space(
        [
            Parameter("optimizer", Choice(("sgd", "adam"))),
            Parameter("momentum", Float(0.0, 1.0), (Condition("optimizer", ("sgd",)),)),
            Parameter("rate", Float(1e-5, 1.0, sampling="log")),
        ]
    )
    trials = sampled(space, lambda v: 2 * v.get("momentum", 0.5) - 1, 400)
    found = importances(trials, LOSS)
    assert found.values["momentum"] == pytest.approx(0.5, abs=0.06)
    assert found.interactions["optimizer", "momentum"] == pytest.approx(0.5, abs=0.06)
    assert found.values["optimizer"] < 0.02
    assert found.values["rate"] < 0.02


def test_each_kind_of_domain_on_its_own_scale():
    """Each changes the loss by as much over its own unit interval."""
    space = Space(
        [
            Parameter("rate", Float(1e-6, 1.0, sampling="log")),
            Parameter("units", Int(8, 512, step=8)),
            Parameter("activation", Choice(("relu", "tanh", "gelu", "elu"))),
            Parameter("dropout", Boolean()),
            Parameter("width", Fixed(3)),
        ]
    )

    def loss(values):
        return (
            np.log10(values["rate"]) / 6 * 12**0.5
            + values["units"] / 504 * 12**0.5
            + {"relu": 1, "tanh": -1, "gelu": 1, "elu": -1}[values["activation"]]
            + (1 if values["dropout"] else -1)
        )

    found = importances(sampled(space, loss, 800), LOSS)
    assert set(found.values) == {"rate", "units", "activation", "dropout"}
    for share in found.values.values():
        assert share == pytest.approx(0.25, abs=0.05)


def halving(loss, count=90, seed=0):
    """Successive halving: all are trained for 1 epoch, the best third for 3, of these for 9.

    Returns the trials and their curves.
    """
    rng = np.random.default_rng(seed)
    points = [cube(3).sample(rng) for _ in range(count)]
    goals = dict.fromkeys(range(count), 1)
    kept = list(goals)
    for goal in (3, 9):
        kept = sorted(kept, key=lambda n: loss(points[n], goals[n]))[: len(kept) // 3]
        goals.update(dict.fromkeys(kept, goal))
    trials = [
        completed(n, points[n], cube(3), loss(points[n], g), goal=g) for n, g in goals.items()
    ]
    curves = {
        n: [{"val_loss": [loss(points[n], epoch) for epoch in range(1, goal + 1)]}]
        for n, goal in goals.items()
    }
    return trials, curves


def test_what_more_epochs_do_is_no_merit_of_those_that_went_on():
    trials, curves = halving(lambda v, epoch: 3 * v["x0"] + v["x1"] + 4 / epoch)
    found = importances(trials, LOSS, curves=curves)
    assert found.values["x0"] == pytest.approx(0.9, abs=0.07)
    assert found.quality > 0.8
    # Without curves it can only be guessed which is which.
    unaware = importances(trials, LOSS)
    assert next(iter(unaware.values)) == "x0"
    assert unaware.quality < found.quality


def test_that_more_epochs_help_is_no_merit_of_the_forest():
    rng = np.random.default_rng(0)
    goals = [1, 3, 9] * 30
    points = [cube(2).sample(rng) for _ in goals]
    trials = [
        completed(n, point, cube(2), 9 / goal + 0.1 * rng.random(), goal=goal)
        for n, (point, goal) in enumerate(zip(points, goals))
    ]
    assert importances(trials, LOSS).quality < 0.2


def test_what_diverged_is_not_all_there_is_to_explain():
    def loss(values):
        return 1e6 if values["x1"] > 0.98 else values["x0"]

    found = importances(sampled(cube(2), loss, 300), LOSS)
    assert found.values["x0"] > 0.05
    assert found.values["x1"] > 0.5


def test_noise_is_called_noise():
    rng = np.random.default_rng(0)
    found = importances(sampled(cube(4), lambda v: rng.random(), 60), LOSS)
    assert found.quality < 0.2
    assert "Do not rely on this" in str(found)


def test_values_that_their_domain_no_longer_holds():
    wide, narrow = cube(2), Space([Parameter("x0", Float(0.0, 0.5)), cube(2)[1]])
    trials = sampled(wide, lambda v: v["x0"] + v["x1"], 100)
    trials.append(completed(100, {"x0": 0.2, "x1": 0.3}, narrow, 1.0))
    assert set(importances(trials, LOSS).values) == {"x0", "x1"}


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        ([], rf"at least {MIN_TRIALS} completed trials\. There are 0"),
        (
            [*sampled(cube(1), lambda v: v["x0"], 9), failed(9, {"x0": 0.1}, cube(1))],
            "There are 9: raise",
        ),
        (sampled(cube(1), lambda v: 1.0, 20), "the same val_loss: there are no differences"),
        (
            [completed(i, {"x0": 0.5}, cube(1), float(i)) for i in range(20)],
            "hyperparameters that differ between trials",
        ),
        (
            [completed(i, {"x0": i / 20}, cube(1), float("inf")) for i in range(20)],
            "There are 0",
        ),
    ],
    ids=["none", "few", "same score", "same values", "infinite"],
)
def test_what_cannot_be_told(trials, message):
    with pytest.raises(ValueError, match=message):
        importances(trials, LOSS)
