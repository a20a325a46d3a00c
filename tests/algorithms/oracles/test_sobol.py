import itertools

import numpy as np
import pytest
from scipy.stats import qmc

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite.hyperparameters import Choice, Float, Int, Parameter, Space
from kerastune_lite.oracles import RandomOracle, SobolOracle
from tests.algorithms.oracles.conformance import CONDITIONAL, FLAT, OracleConformance, ended, run

CUBE = Space([Parameter(f"x{i}", Float(0.0, 1.0)) for i in range(4)])


class TestSobolOracle(OracleConformance):
    @pytest.fixture
    def oracle(self):
        return SobolOracle()


def points(oracle, count=64, space=CUBE):
    return np.array([list(trial.values.values()) for trial in run(oracle, space, count)])


def test_fills_a_cube_more_evenly_than_independent_draws():
    ours, drawn = qmc.discrepancy(points(SobolOracle())), qmc.discrepancy(points(RandomOracle()))
    assert ours < drawn / 4


def test_each_axis_has_one_point_in_each_of_as_many_cells():
    cells = np.sort((points(SobolOracle(seed=3)) * 64).astype(int), axis=0)
    assert (cells == np.arange(64)[:, None]).all()


def test_seeds_give_other_points():
    first, second = points(SobolOracle(0), 8), points(SobolOracle(1), 8)
    assert not np.isin(first, second).any()


def test_the_searchs_seed_is_taken_where_none_was_given():
    assert np.array_equal(points(SobolOracle().seeded(4), 8), points(SobolOracle(4), 8))
    assert np.array_equal(points(SobolOracle(1).seeded(4), 8), points(SobolOracle(1), 8))


def test_point_goes_by_its_number_alone():
    """Whatever the generator and however they were asked for."""
    single = [dict(t.values) for t in run(SobolOracle(), CUBE, 12)]
    batch = SobolOracle().propose(CUBE, TrialHistory(), 12, np.random.default_rng(99))
    assert batch == single
    history = TrialHistory(ended(i, {f"x{j}": 0.5 for j in range(4)}, CUBE) for i in range(5))
    assert SobolOracle().propose(CUBE, history, 1, np.random.default_rng(7)) == [single[5]]


def test_a_space_that_grows_keeps_the_points_of_what_it_had():
    grown = CUBE.merged([Parameter("more", Int(1, 9))])
    before, after = points(SobolOracle(), 10), points(SobolOracle(), 10, grown)
    assert np.array_equal(before, after[:, :4])


def test_last_free_point_is_found():
    space = Space([Parameter("a", Int(0, 49)), Parameter("b", Choice(("x", "y")))])
    all_points = itertools.product(range(50), ("x", "y"))
    others = [point for point in all_points if point != (17, "x")]
    history = TrialHistory(ended(i, {"a": a, "b": b}, space) for i, (a, b) in enumerate(others))
    found = SobolOracle().propose(space, history, 3, np.random.default_rng(0))
    assert found == [{"a": 17, "b": "x"}]


def test_branches_of_a_conditional_space_are_all_seen():
    kinds = {trial.values["kind"] for trial in run(SobolOracle(), CONDITIONAL, 4)}
    assert kinds == {"mlp", "cnn"}


@pytest.mark.parametrize("seed", [-1, 0.5, True, "one"])
def test_refuses_seeds_that_are_none(seed):
    with pytest.raises(ValueError, match="seed"):
        SobolOracle(seed)


def test_settings_hold_the_seed():
    assert SobolOracle(4).settings() == {"type": "SobolOracle", "seed": 4}
    assert len(run(SobolOracle(), FLAT, 3)) == 3
