import numpy as np
import pytest
from scipy import stats

from kerastune_lite._src.analysis import paired as module
from kerastune_lite._src.analysis.paired import paired, variance_of_pairs


def test_without_prior_and_overlap_it_is_the_posterior_of_the_t_test():
    differences = [0.3, -0.1, 0.4, 0.2, 0.5]
    found = paired(differences, shared=0.0)
    t = stats.ttest_1samp(differences, 0.0, alternative="greater")
    assert found.probability == pytest.approx(1 - t.pvalue)
    assert found.interval == pytest.approx(
        stats.ttest_1samp(differences, 0.0).confidence_interval(0.95)
    )
    assert found.rounds == 5


def test_three_rounds_have_two_degrees_of_freedom():
    assert paired([1.0, 2.0, 3.0], shared=0.0).freedom == 2
    assert paired([1.0, 2.0, 3.0], shared=0.0, variance=1.0).freedom == 2 + module.PRIOR


def test_data_that_overlaps_makes_it_less_certain():
    """The correction of Nadeau and Bengio: 1 / n + n_2 / n_1 in place of 1 / n."""
    differences = [1.0, 2.0, 3.0, 4.0]
    alone, overlapping = paired(differences, 0.0), paired(differences, 0.2)
    assert overlapping.scale / alone.scale == pytest.approx(((1 / 4 + 0.25) / (1 / 4)) ** 0.5)
    assert overlapping.probability < alone.probability
    assert overlapping.mean == alone.mean


def test_equal_differences_are_certain_only_if_nothing_varies():
    same = [0.01, 0.01, 0.01]
    assert paired(same, 0.2).probability == 1.0
    assert paired([0.0, 0.0, 0.0], 0.2).probability == 0.5
    assert paired([-0.01] * 3, 0.2).probability == 0.0
    # Three equal counts of right answers are no proof where others differ by more than that.
    assert paired(same, 0.2, variance=0.02**2).probability < 0.8


def test_the_variance_of_pairs_is_the_mean_of_the_variances_of_their_differences():
    losses = np.random.default_rng(0).normal(size=(4, 6))
    losses += np.linspace(0, 9, 6)  # Rounds differ in difficulty.
    pairs = [(i, j) for i in range(4) for j in range(i)]
    expected = np.mean([np.var(losses[i] - losses[j], ddof=1) for i, j in pairs])
    assert variance_of_pairs(losses) == pytest.approx(expected)
    assert variance_of_pairs(losses[:1]) == 0.0
    assert variance_of_pairs(losses[:, :1]) == 0.0


@pytest.mark.parametrize("shared", [0.1, 0.3])
def test_the_interval_holds_the_truth_where_rounds_are_correlated(shared):
    """Differences with the correlation that the test assumes: 95 of 100 intervals are right."""
    rng, rounds, held = np.random.default_rng(1), 6, 0
    for _ in range(2000):
        common = rng.normal(0.0, shared**0.5)
        differences = 0.5 + common + rng.normal(0.0, (1 - shared) ** 0.5, rounds)
        low, high = paired(differences, shared).interval
        held += low <= 0.5 <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.02)
