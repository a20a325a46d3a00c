import numpy as np
import pytest
from scipy import stats

from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite.hyperparameters import Choice, Float, Int, Parameter, Space
from kerastune_lite.oracles import RandomOracle
from tests.algorithms.oracles.conformance import FLAT, OracleConformance, ended, run


class TestRandomOracle(OracleConformance):
    @pytest.fixture
    def oracle(self):
        return RandomOracle()


def test_marginals_are_uniform_on_each_scale():
    history = run(RandomOracle(), FLAT, 600, seed=7)
    rates = [FLAT[2].domain.to_unit(t.values["rate"]) for t in history]
    # Seed fixed: a p-value below 1e-3 would be a bug, not bad luck.
    assert stats.kstest(rates, "uniform").pvalue > 1e-3
    units = np.bincount([t.values["units"] // 32 - 1 for t in history], minlength=8)
    assert stats.chisquare(units).pvalue > 1e-3


def test_neighbouring_seeds_share_nothing():
    """KerasTuner's searches with seeds 1 and 3 shared nine trials of ten."""
    values = [
        {t.values["rate"] for t in run(RandomOracle(), FLAT, 20, seed=seed)} for seed in range(6)
    ]
    assert len(set.union(*values)) == 6 * 20


def test_last_free_point_of_a_large_space_is_found():
    space = Space([Parameter("a", Int(0, 99)), Parameter("b", Choice(("x", "y")))])
    points = [(a, b) for a in range(100) for b in ("x", "y")]
    history = TrialHistory(
        ended(i, {"a": a, "b": b}, space)
        for i, (a, b) in enumerate(p for p in points if p != (57, "y"))
    )
    (found,) = RandomOracle().propose(space, history, 2, np.random.default_rng(0))
    assert found == {"a": 57, "b": "y"}


def test_a_range_of_one_float_is_one_point():
    space = Space([Parameter("a", Float(0.5, 0.5))])
    assert len(run(RandomOracle(), space, 5)) == 1
