"""Members of a stack with samples of their own, as folds have them."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast import stacking
from kerastune_lite._src.keras.fast.numpy.epoch import Stretch, runs, stretches
from kerastune_lite._src.keras.fast.samples import DeviceData, Pool
from kerastune_lite._src.keras.fast.stacking import stack_of
from tests.keras.equality.cases import by_fit, check_same, keras
from tests.keras.stacked import (
    check_stacked,
    compiled,
    dense,
    fit_of,
    members_of,
    plain,
    together,
)

layers = keras.layers


def samples(variant, count, seed=0):
    """Other values for each variant: `(count, 6)` and `(count,)`."""
    rng = np.random.default_rng([seed, variant])
    y = np.arange(count) % 3
    return (rng.normal(size=(count, 6)) + y[:, None] * (1 + variant)).astype("float32"), y


def own(counts, validation=(20, 20, 20), **others):
    """variant -> arguments of `fit` with so many samples of its own."""
    given = fit_of(validation_data=None, **others)

    def fit(variant):
        x, y = samples(variant, counts[variant])
        arguments = {**given(variant), "x": x, "y": y}
        if validation is not None:
            arguments["validation_data"] = samples(variant, validation[variant], seed=1)
        return arguments

    return fit


ALL = {"variants": (0, 1, 2), "compared": (0, 1, 2)}


class TestEqualToFit:
    def test_as_many_of_each(self):
        check_stacked(dense, own((50, 50, 50)), **ALL)

    def test_one_more_in_some(self):
        check_stacked(dense, own((50, 51, 50), validation=(20, 19, 20)), **ALL)

    def test_another_number_of_batches_and_no_validation(self):
        check_stacked(dense, own((65, 30, 16), validation=None), **ALL)

    def test_statistics_of_batches(self):
        def build(variant):
            model = keras.Sequential(
                [
                    keras.Input((6,)),
                    layers.Dense(7, kernel_regularizer=keras.regularizers.L1(0.01)),
                    layers.BatchNormalization(momentum=0.8),
                    layers.Dropout(0.3, seed=variant),
                    layers.Dense(3, "softmax"),
                ]
            )
            return compiled(model, keras.optimizers.SGD(0.05))

        check_stacked(build, own((40, 33, 40)), null=("bias",), **ALL)

    def test_weights_of_samples(self):
        fit = own((34, 33, 50))

        def weighted(variant):
            arguments = fit(variant)
            count = len(arguments["y"])
            rng = np.random.default_rng(variant)
            return {**arguments, "sample_weight": rng.uniform(0.1, 2.0, count).astype("float32")}

        check_stacked(plain, weighted, **ALL)

    def test_those_with_the_fewest_stop_first_and_last(self):
        fit = own((34, 50, 33), epochs=6)

        def stopping(variant):
            stopper = keras.callbacks.EarlyStopping(
                "val_loss",
                min_delta=(0.0, 1e9, 0.05)[variant],
                patience=1,
                restore_best_weights=variant == 2,
            )
            return {**fit(variant), "callbacks": [stopper]}

        outcomes = together(plain, stopping, (0, 1, 2))
        for variant, outcome in enumerate(outcomes):
            check_same(outcome, by_fit(plain, stopping, variant))
        epochs = [len(outcome.history.epoch) for outcome in outcomes]
        assert epochs[1] == 2 < epochs[0]


def parts(of):
    return [(each.members.start, each.members.stop, each.begin, each.end) for each in of]


class TestStretches:
    def test_all_alike(self):
        assert list(stretches([50, 50], 16)) == [Stretch(slice(0, 2), 0, 50)]

    def test_full_batches_together_and_the_rest_in_turn(self):
        assert parts(stretches([33, 50, 50, 90], 16)) == [
            (0, 4, 0, 32),
            (0, 1, 32, 33),
            (1, 4, 32, 48),
            (1, 3, 48, 50),
            (3, 4, 48, 90),
        ]

    def test_fewer_than_a_batch(self):
        assert parts(stretches([3, 4], 16)) == [(0, 1, 0, 3), (1, 2, 0, 4)]

    @pytest.mark.parametrize("size", [1, 7, 16, 100])
    def test_everyone_goes_through_all_in_batches_of_their_own(self, size):
        counts = [5, 16, 16, 33, 70, 71]
        reached = [[] for _ in counts]
        for each in stretches(counts, size):
            for member in range(len(counts))[each.members]:
                reached[member] += [
                    (begin, min(begin + size, each.end))
                    for begin in range(each.begin, each.end, size)
                ]
        for count, batches in zip(counts, reached):
            alone = [(begin, min(begin + size, count)) for begin in range(0, count, size)]
            assert batches == alone

    def test_measuring_goes_through_each_at_once(self):
        assert parts(runs([4, 4, 3, 4])) == [(0, 2, 0, 4), (2, 3, 0, 3), (3, 4, 0, 4)]


class TestPool:
    def test_the_same_are_taken_once_and_as_they_are(self):
        data = DeviceData()
        members = members_of(plain, fit_of(), (0, 1), data)
        one, other = (member.training for member in members)
        pool = Pool([one, other], 16)
        assert pool.samples is one
        assert [pool.rows(each, np.arange(1))[0] for each in (one, other)] == [0, 0]

    def test_others_lie_behind_one_another(self):
        one, other = (member.training for member in members_of(plain, own((4, 5, 6)), (0, 2)))
        pool = Pool([one, other, one], 16)
        assert pool.samples.count == 10
        assert [pool.rows(each, np.arange(1))[0] for each in (one, other)] == [0, 4]
        x = pool.samples.on_host[0]
        np.testing.assert_array_equal(x[4:], np.asarray(other.tensors[0]))

    def test_not_more_than_there_is_room_for(self, monkeypatch):
        members = members_of(plain, own((50, 50, 50)), (0, 1, 2))
        monkeypatch.setattr(stacking, "_memory", lambda: sum(s.size for s in members[0].samples))
        assert [len(group) for group in stack_of(members, lambda member: 9)] == [1, 1, 1]
        monkeypatch.setattr(
            stacking, "_memory", lambda: 2 * sum(s.size for s in members[0].samples)
        )
        assert [len(group) for group in stack_of(members, lambda member: 9)] == [2, 1]
