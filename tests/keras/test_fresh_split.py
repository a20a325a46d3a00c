"""Other validation samples than the last ones."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fresh_split import FreshSplits, block_last, can_be_ordered
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


def validating(count, share, place):
    held = count - int(np.floor(count * (1 - share)))
    return block_last(count, share, place)[count - held :]


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("place", [0.0, 0.31, 0.8, 0.999])
@pytest.mark.parametrize("count", [7, 100, 101])
def test_it_is_an_order_of_all_samples_whose_last_ones_are_a_block(count, share, place):
    order = block_last(count, share, place)
    assert sorted(order) == list(range(count))
    block = order[len(order) - len(validating(count, share, place)) :]
    steps = np.diff(block)
    assert (steps != 1).sum() <= 1  # where the circle closes
    training = order[: len(order) - len(block)]
    assert list(training) == sorted(training)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25, 0.33])
def test_samples_that_validated_in_the_search_do_not_validate_again(share):
    tail = set(range(100 - len(validating(100, share, 0.0)), 100))
    for place in np.linspace(0, 1, 50, endpoint=False):
        assert not tail & set(validating(100, share, place))


def test_larger_shares_take_any_block():
    seen = {tuple(validating(10, 0.5, place)) for place in np.linspace(0, 1, 50, endpoint=False)}
    assert len(seen) == 10


def test_as_many_validate_as_keras_takes():
    from kerastune_lite._src.keras.compat.internals import split_validation

    x = np.arange(101.0)
    ordered = FreshSplits().ordered([x, None, None], 0.3, 0.42)
    assert ordered[1] is None
    _, (held, *_) = split_validation((ordered[0], None, None), 0.3)
    assert np.array_equal(held, x[validating(101, 0.3, 0.42)])


def test_all_arrays_of_a_structure_are_in_one_order():
    pandas = pytest.importorskip("pandas")
    import tensorflow as tf

    numbers = np.arange(20)
    data = {
        "a": numbers,
        "b": [numbers[:, None] * [1, 2], pandas.DataFrame({"n": numbers})],
        "c": tf.constant(numbers),
    }
    made = FreshSplits().ordered([data, pandas.Series(numbers)], 0.25, 0.5)
    order = block_last(20, 0.25, 0.5)
    assert np.array_equal(made[0]["a"], order)
    assert np.array_equal(made[0]["b"][0][:, 1], 2 * order)
    assert np.array_equal(made[0]["b"][1]["n"], order)
    assert np.array_equal(made[0]["c"], order)
    assert np.array_equal(made[1], order)


def test_the_same_arrays_are_returned_for_the_same_round():
    splits, x = FreshSplits(), np.arange(20)
    first = splits.ordered([x], 0.25, 0.5)
    splits.ordered([x], 0.25, 0.1)
    splits.ordered([x], 0.25, 0.2)
    assert splits.ordered([x], 0.25, 0.5) is first
    splits.ordered([x], 0.25, 0.3)
    splits.ordered([x], 0.25, 0.4)
    splits.ordered([x], 0.25, 0.6)
    assert splits.ordered([x], 0.25, 0.5) is not first


def test_of_large_data_one_order_is_kept(monkeypatch):
    monkeypatch.setattr("kerastune_lite._src.keras.fresh_split._KEPT_BYTES", 100)
    splits, x = FreshSplits(), np.arange(20)
    first = splits.ordered([x], 0.25, 0.5)
    assert splits.ordered([x], 0.25, 0.5) is first
    splits.ordered([x], 0.25, 0.1)
    assert splits.ordered([x], 0.25, 0.5) is not first


def test_what_can_be_ordered():
    assert can_be_ordered([np.zeros(3), None])
    assert not can_be_ordered([None])
    assert not can_be_ordered([np.zeros(3), "text"])
    assert not can_be_ordered([iter(())])
