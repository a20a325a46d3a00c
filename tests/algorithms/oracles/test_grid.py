import itertools

import numpy as np
import pytest

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.trial import Trial
from kerastune_lite.hyperparameters import Boolean, Choice, Float, Int, Parameter, Space
from kerastune_lite.oracles import GridOracle
from tests.algorithms.oracles.conformance import CONDITIONAL, OracleConformance, ended, run

PRODUCT = Space(
    [
        Parameter("a", Int(1, 3)),
        Parameter("b", Choice(("x", "y"))),
        Parameter("c", Boolean()),
    ]
)


class TestGridOracle(OracleConformance):
    @pytest.fixture
    def oracle(self):
        return GridOracle()


def test_order_is_that_of_nested_loops():
    history = run(GridOracle(), PRODUCT, 100)
    expected = list(itertools.product([1, 2, 3], ["x", "y"], [False, True]))
    assert [tuple(t.values.values()) for t in history] == expected


def test_conditional_order():
    assert [dict(t.values) for t in run(GridOracle(), CONDITIONAL, 100)] == [
        {"kind": "mlp", "layers": 1},
        {"kind": "mlp", "layers": 2, "width": 8},
        {"kind": "mlp", "layers": 2, "width": 16},
        {"kind": "cnn", "filters": 4},
        {"kind": "cnn", "filters": 8},
    ]


def test_continuous_domains_stand_with_ten_points():
    space = Space([Parameter("rate", Float(1e-3, 1e-1, sampling="log"))])
    rates = [t.values["rate"] for t in run(GridOracle(), space, 100)]
    assert len(rates) == 10
    assert rates == pytest.approx(np.geomspace(1e-3, 1e-1, 10))


def test_hand_picked_points_are_not_tried_again():
    history = TrialHistory([ended(0, {"a": 2, "b": "y", "c": True}, PRODUCT)])
    run(GridOracle(), PRODUCT, 100, history=history)
    assert len({tuple(t.values.items()) for t in history}) == len(history) == 12


def test_points_beside_the_grid_do_not_disturb_it():
    space = Space([Parameter("rate", Float(0.0, 1.0)), Parameter("b", Boolean())])
    history = TrialHistory([ended(0, {"rate": 0.123, "b": True}, space)])
    run(GridOracle(), space, 100, history=history)
    assert len(history) == 21


def test_parameters_found_on_the_way_are_tried_exhaustively():
    """The builder asks for units of the second layer only when there is one."""
    space = Space([Parameter("layers", Int(1, 2)), Parameter("units_0", Choice((8, 16)))])
    units_1 = Parameter("units_1", Choice((4, 8)))
    history = TrialHistory()
    while points := GridOracle().propose(space, history, 1, np.random.default_rng(0)):
        used = dict(points[0])
        used.pop("units_1", None)
        if used["layers"] == 2:
            space = space.merged([units_1])
            used["units_1"] = points[0].get("units_1", units_1.domain.grid()[0])
        history.add(ended(len(history), used, space))
    expected = {(1, u) for u in (8, 16)} | set(itertools.product([2], (8, 16), (4, 8)))
    assert {tuple(t.values.values()) for t in history} == expected
    assert len(history) == len(expected)


def test_resumes_with_trials_still_running():
    whole = [dict(t.values) for t in run(GridOracle(), PRODUCT, 100)]
    history = TrialHistory(ended(i, v, PRODUCT) for i, v in enumerate(whole[:4]))
    history.add(Trial(4, whole[4], PRODUCT))
    points = GridOracle().propose(PRODUCT, history, 100, np.random.default_rng(0))
    assert points == whole[5:]
