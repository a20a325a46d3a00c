import numpy as np
import pytest

from kerastune_lite._src.analysis.ensembling import greedy, select

RNG = np.random.default_rng(0)
Y = RNG.normal(size=(200, 1))


def squared(predicted):
    return float(((predicted - Y) ** 2).mean())


def of_rows(rows, predicted):
    return float(((predicted - Y[rows]) ** 2).mean())


def noisy(scale=1.0):
    return Y + scale * RNG.normal(size=Y.shape)


class TestGreedy:
    def test_networks_with_other_errors_are_averaged(self):
        predictions = [noisy() for _ in range(4)]
        drawn = greedy(predictions, squared)
        assert set(drawn) == {0, 1, 2, 3}
        mean = np.mean([predictions[place] for place in drawn], axis=0)
        assert squared(mean) < min(map(squared, predictions)) / 2

    @pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
    def test_the_mean_is_never_worse_than_the_best_network(self, scale):
        predictions = [noisy(scale) for _ in range(6)]
        mean = np.mean([predictions[place] for place in greedy(predictions, squared)], axis=0)
        assert squared(mean) <= min(map(squared, predictions)) + 1e-12

    def test_a_network_that_adds_nothing_is_not_taken(self):
        good, bad = noisy(0.1), Y + 100.0
        assert greedy([bad, good, good.copy()], squared) == [1]


class TestSelect:
    def test_the_weights_are_in_their_order_and_sum_to_one(self):
        weights = select([noisy(scale) for scale in (1.5, 0.5, 1.0)], of_rows, 0)
        assert list(weights) == [1, 2, 0]
        assert list(weights.values()) == sorted(weights.values(), reverse=True)
        assert sum(weights.values()) == pytest.approx(1.0)

    def test_a_bad_network_has_no_weight(self):
        assert list(select([noisy(0.1), Y + 100.0], of_rows, 0)) == [0]

    def test_one_network_is_itself(self):
        assert select([noisy()], of_rows, 0) == {0: 1.0}

    def test_the_same_seed_gives_the_same_weights(self):
        predictions = [noisy() for _ in range(5)]
        assert select(predictions, of_rows, 3) == select(predictions, of_rows, 3)

    def test_luck_on_few_rows_decides_less_than_with_all_of_them(self):
        """Networks that are equally good should have equal weights, whatever these rows say."""
        rows = slice(0, 30)
        predictions = [noisy()[rows] for _ in range(8)]
        alone = np.bincount(greedy(predictions, lambda p: of_rows(rows, p), 25), minlength=8)
        bagged = select(predictions, lambda bag, p: of_rows(np.arange(30)[bag], p), 0)
        spread = np.std([bagged.get(place, 0.0) for place in range(8)])
        assert spread < np.std(alone / alone.sum())

    def test_without_predictions_there_is_no_ensemble(self):
        with pytest.raises(ValueError, match="at least one network"):
            select([], of_rows, 0)
