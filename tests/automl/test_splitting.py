import numpy as np
import pytest

from kerastune_lite._src.automl.splitting import split_rows


def test_a_fifth_validates_and_nothing_is_lost():
    split = split_rows("regression", np.arange(101.0), 0)
    assert len(split.validation) == 20
    assert sorted([*split.train, *split.validation]) == list(range(101))
    assert split.how == "20 of 101 rows, drawn at random, evenly by y"


def test_each_class_has_its_share():
    y = np.repeat([0, 1, 2], [800, 150, 50])
    split = split_rows("classification", y, 3)
    assert np.bincount(y[split.validation]).tolist() == [160, 30, 10]


def test_numbers_are_drawn_from_small_to_large():
    y = np.random.default_rng(0).exponential(size=1000)
    means = [y[split_rows("regression", y, seed).validation].mean() for seed in range(20)]
    alone = [y[np.random.default_rng(s).permutation(1000)[:200]].mean() for s in range(20)]
    assert np.std(means) < np.std(alone) / 5


def test_each_class_is_in_training():
    y = np.array([0, 1, 2, 2, 2, 2, 3, 4])
    for seed in range(30):
        split = split_rows("classification", y, seed)
        assert set(y[split.train]) == {0, 1, 2, 3, 4}
        assert len(split.validation) >= 1


def test_other_seeds_draw_other_rows():
    y = np.arange(50.0)
    drawn = {tuple(split_rows("regression", y, seed).validation) for seed in range(5)}
    assert len(drawn) == 5
    again = split_rows("regression", y, 4).validation
    assert tuple(again) in drawn


def test_of_many_rows_ten_thousand_are_enough():
    split = split_rows("regression", np.zeros(200_000), 0)
    assert (len(split.train), len(split.validation)) == (190_000, 10_000)


def test_too_few_rows():
    with pytest.raises(ValueError, match="n_samples=1"):
        split_rows("regression", np.zeros(1), 0)
    with pytest.raises(ValueError, match=r'a second sample.*task="regression"'):
        split_rows("classification", np.array([0, 1, 2]), 0)
