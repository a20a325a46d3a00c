"""Which trainings may be members of a stack, what they share, and how each comes to its end."""

import copy

import numpy as np
import pytest

from kerastune_lite._src.keras.fast import stacking
from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, Dispatcher
from kerastune_lite._src.keras.fast.driver import FirstEpochFailed
from kerastune_lite._src.keras.fast.member import NotStacked
from kerastune_lite._src.keras.fast.samples import DeviceData
from kerastune_lite._src.keras.fast.stacking import TALLEST, max_stack, stack_of, worth_stacking
from tests.keras.equality.cases import Outcome, by_fit, check_same, keras, made
from tests.keras.stacked import (
    SEEDS,
    check_stacked,
    compiled,
    dense,
    fit_of,
    members_of,
    plain,
    together,
    train_together,
    with_optimizer,
    written_out,
)

layers = keras.layers


class TestCallbacks:
    def test_stopping_at_different_epochs(self):
        stopped, given_to = [], fit_of(epochs=12)

        def fit(variant):
            given = given_to(variant)
            stopper = keras.callbacks.EarlyStopping(
                "val_loss", patience=(0, 1, 12)[variant], restore_best_weights=True
            )
            stopped.append(stopper)
            return {**given, "callbacks": [stopper]}

        def build(variant):
            model = plain(variant)
            return compiled(model, keras.optimizers.SGD((1.5, 0.9, 0.05)[variant], momentum=0.9))

        check_stacked(build, fit, variants=(0, 1, 2), compared=(0, 1, 2), relative=1e-4)
        assert len({len(stopper.model.history.epoch) for stopper in stopped}) > 1

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's
    def test_each_has_a_learning_rate_of_its_own(self):
        given_to = fit_of(epochs=6)

        def fit(variant):
            given = given_to(variant)
            watch = keras.callbacks.ReduceLROnPlateau(
                "loss", factor=0.3, patience=1, min_delta=(0.1, 0.02, 0.5)[variant]
            )
            schedule = keras.callbacks.LearningRateScheduler(
                lambda epoch, rate: rate * (0.9 if epoch == 1 + variant else 1.0)
            )
            return {**given, "callbacks": [watch, schedule]}

        check_stacked(plain, fit, compared=(0, 2))

    def test_what_one_raises_ends_that_one(self):
        class Fails(keras.callbacks.Callback):
            epoch_level = True

            def on_epoch_end(self, epoch, logs=None):
                if epoch == 1:
                    raise RuntimeError("of this member")

        fit = fit_of()

        def failing(variant):
            return {**fit(variant), "callbacks": [Fails()] if variant == 1 else []}

        members = members_of(plain, failing, (0, 1, 2))
        first, error, last = train_together(members, written_out(members[0]))
        assert str(error) == "of this member"
        for variant, history in ((0, first), (2, last)):
            right = by_fit(plain, fit, variant)
            check_same(Outcome(members[variant].model, history), right)

    def test_all_may_end_before_the_first_epoch(self):
        class Fails(keras.callbacks.Callback):
            epoch_level = True

            def on_train_begin(self, logs=None):
                raise RuntimeError("at once")

        fit = fit_of()
        members = members_of(plain, lambda v: {**fit(v), "callbacks": [Fails()]}, (0, 1))
        assert all(
            isinstance(result, RuntimeError)
            for result in train_together(members, written_out(members[0]))
        )

    def test_one_that_stops_before_it_begins(self):
        class Stops(keras.callbacks.Callback):
            epoch_level = True

            def on_epoch_begin(self, epoch, logs=None):
                self.model.stop_training = epoch == 1

        fit = fit_of()
        check_stacked(plain, lambda v: {**fit(v), "callbacks": [Stops()] if v == 2 else []})

    def test_no_epochs(self):
        members = members_of(plain, fit_of(epochs=0), (0, 1))
        results = train_together(members, written_out(members[0]))
        assert [result.epoch for result in results] == [[], []]


class TestShuffling:
    def test_in_the_order_in_which_each_is_shuffled_alone(self):
        fit = fit_of(shuffle=True)
        outcomes = together(dense, fit)
        for variant, outcome in zip((0, 2), outcomes):
            model = made(dense, variant)
            history, taken = Dispatcher(fastest=ARRAYS).fit(model, (), fit(variant), SEEDS[variant])
            assert taken.path == ARRAYS
            check_same(outcome, Outcome(model, history))


class TestRefusals:
    def refused(self, build=plain, **others):
        with pytest.raises(NotStacked) as refused:
            members_of(build, fit_of(**others), (0,))
        return str(refused.value)

    def test_callbacks_that_look_closely(self):
        assert "callback" in self.refused(callbacks=[keras.callbacks.LambdaCallback()])

    def test_halting_at_once(self):
        assert self.refused(callbacks=[keras.callbacks.TerminateOnNaN()]) == "TerminateOnNaN"

    def test_what_has_no_structure(self):
        def build(variant):
            return compiled(
                plain(variant), keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
            )

        assert "gradient_accumulation_steps" in self.refused(build)

    def test_members_of_different_keys(self):
        members = [
            *members_of(plain, fit_of(), (0,)),
            *members_of(plain, fit_of(batch_size=8), (1,)),
        ]
        with pytest.raises(ValueError, match="2 different keys"):
            train_together(members, None)


class TestFailing:
    def test_a_program_that_fails_at_once_leaves_the_models_as_they_were(self):
        members = members_of(plain, fit_of(), (0, 1))
        program = copy.copy(written_out(members[0]))
        before = [m.model.get_weights() for m in members]

        def fails(*args):
            raise MemoryError

        program.epoch = fails
        with pytest.raises(FirstEpochFailed, match="MemoryError"):
            train_together(members, program)
        for member, weights in zip(members, before):
            for mine, right in zip(member.model.get_weights(), weights):
                np.testing.assert_array_equal(mine, right)


class TestWorth:
    def test_two_small_ones(self):
        members = members_of(plain, fit_of(), (0, 1))
        assert worth_stacking(members)
        assert not worth_stacking(members[:1])

    def test_not_what_is_mapped_on_a_processor(self):
        build = with_optimizer(keras.optimizers.Lamb)
        assert not worth_stacking(members_of(build, fit_of(), (0, 1)))
        assert stacking.together(members_of(build, fit_of(), (0,))[0]) == 1

    def test_not_where_the_arithmetic_of_one_keeps_the_processor_busy(self):
        def build(variant):
            model = keras.Sequential([keras.Input((6,)), layers.Dense(60_000), layers.Dense(3)])
            return compiled(model, keras.optimizers.SGD(0.1), "mse", ())

        assert not worth_stacking(members_of(build, fit_of(), (0, 1)))

    def test_how_many_begin_at_once_follows_from_how_long_they_take(self):
        few, many, too_many = (
            stacking.together(members_of(plain, fit_of(epochs=epochs), (0,))[0])
            for epochs in (3, 10_000, 10**6)
        )
        assert few == TALLEST
        assert 1 < many < TALLEST
        assert too_many == 1


class TestGroups:
    def test_members_of_a_kind_in_groups_of_the_greatest_height(self):
        data = DeviceData()
        one = members_of(plain, fit_of(), (0, 1, 2), data)
        other = members_of(plain, fit_of(batch_size=8), (0, 1), data)
        groups = stack_of([one[0], other[0], *one[1:], other[1]], lambda member: 2)
        assert [len(group) for group in groups] == [2, 2, 1]
        assert groups[0] == one[:2]
        assert groups[1] == other

    def test_models_of_other_sizes_have_other_keys(self):
        def build(variant):
            model = keras.Sequential([keras.Input((6,)), layers.Dense(3 + variant)])
            return compiled(model, keras.optimizers.SGD(0.1), "mse", ())

        one, other = members_of(build, fit_of(), (0, 1))
        assert one.key != other.key

    def test_height_follows_from_the_size_of_a_member(self):
        (small,) = members_of(plain, fit_of(), (0,))
        assert max_stack(small) == TALLEST

        def build(variant):
            model = keras.Sequential([keras.Input((6,)), layers.Dense(200_000), layers.Dense(3)])
            return compiled(model, keras.optimizers.SGD(0.1), "mse", ())

        (large,) = members_of(build, fit_of(), (0,))
        assert 1 <= max_stack(large) < TALLEST
