"""Members of a stack are trained as each would be alone."""

import dataclasses

import numpy as np
import pytest

from kerastune_lite.training.door import SHARED, Door
from kerastune_lite.training.paths.data import DeviceData
from kerastune_lite.training.paths.engines import Feeding
from kerastune_lite.training.paths.fit_call import bound
from kerastune_lite.training.paths.loop import Callbacks, FirstEpochFailed
from kerastune_lite.training.quiet import load_keras
from kerastune_lite.training.stacks import member as stacking
from kerastune_lite.training.stacks import stack as stacks
from kerastune_lite.training.stacks.checks import NotWritten
from kerastune_lite.training.stacks.member import (
    TALLEST,
    NotStacked,
    max_stack,
    member_of,
    program_key,
    program_of,
    stack_of,
    worth_stacking,
)
from kerastune_lite.training.stacks.program import StackedProgram
from tests.training.equality.cases import (
    DROPPED,
    FACTORS,
    MOMENTA,
    RATES,
    Outcome,
    arguments,
    by_fit,
    check_same,
    classes,
    made,
    numbers,
    splitted,
)

load_keras()
import keras  # noqa: E402
from keras import layers, regularizers  # noqa: E402

SEEDS = ([0], [1], [2])

SLOWLY = pytest.param(False, marks=pytest.mark.slow)


def mapped(member):
    """A program in which nothing is written out: `vectorized_map` does all."""
    feeding = member.feeding
    program_key(member)  # builds what a program is traced with
    validation = None if feeding.validation is None else feeding.validation.tensors
    tensors = feeding.training.tensors
    return StackedProgram(member.model, member.structure, tensors, validation, written=False)


def members_of(build, fit, variants, data=None, **kinds):
    """Members that were made one after the other, as the variants of `build` and `fit`."""
    data = data or DeviceData()
    found = []
    for variant in variants:
        model = made(build, variant)
        call = bound((), fit(variant))
        training, validation = data.of(call)
        feeding = Feeding(call, training, validation, SEEDS[variant])
        callbacks = Callbacks(model, call, feeding.steps)
        found.append(member_of(model, call, callbacks, feeding, **kinds))
    return found


def train_together(members, program):
    """What came of each member, in the order of the members."""
    results = {id(member): result for member, result in stacks.train_together(members, program)}
    return [results[id(member)] for member in members]


def together(build, fit, variants=(0, 2), written=True, **kinds):
    """The outcomes of the variants, trained side by side."""
    members = members_of(build, fit, variants, **kinds)
    assert len({member.key for member in members}) == 1
    program = program_of(members[0]) if written else mapped(members[0])
    assert (program.reason is None) is written, program.reason
    results = train_together(members, program)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return [Outcome(m.model, result) for m, result in zip(members, results)]


def fit_of(data=None, **others):
    """As `arguments`, with one size of batches."""
    others.setdefault("batch_size", 16)
    return arguments(data, **others)


def check_all(build, fit, written=True, null=(), variants=(0, 2), **tolerances):
    """Each member is as it would be by `model.fit`."""
    outcomes = together(build, fit, variants, written)
    for variant, outcome in zip(variants, outcomes):
        check_same(outcome, by_fit(build, fit, variant), null, **tolerances)


def compiled(model, optimizer, loss="sparse_categorical_crossentropy", metrics=("accuracy",)):
    model.compile(optimizer, loss=loss, metrics=list(metrics))
    return model


def dense(variant, optimizer=None, **compile_arguments):
    """A small classifier whose scalars depend on the variant."""
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "relu", kernel_regularizer=regularizers.L2(FACTORS[variant])),
            layers.Dropout(DROPPED[variant], seed=variant),
            layers.Dense(5, "tanh", use_bias=False),
            layers.Dense(3, "softmax"),
        ]
    )
    optimizer = optimizer or keras.optimizers.SGD(RATES[variant], momentum=MOMENTA[variant])
    return compiled(model, optimizer, **compile_arguments)


def plain(variant):
    """A classifier without anything that is random."""
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
    )
    return compiled(model, keras.optimizers.SGD(RATES[variant], momentum=0.9))


class TestEqualToFit:
    @pytest.mark.parametrize("written", [True, False])
    def test_scalars_that_differ(self, written):
        check_all(dense, fit_of(), written)

    def test_validation_every_other_epoch(self):
        check_all(plain, fit_of(epochs=4, validation_freq=2, initial_epoch=1))

    def test_one_that_diverges_leaves_the_others_alone(self):
        def build(variant):
            model = plain(variant)
            return compiled(model, keras.optimizers.SGD((1e30, 0.05, 0.02)[variant]))

        diverged, other = together(build, fit_of(), (0, 2))
        assert not np.isfinite(diverged.history.history["loss"][-1])
        check_same(other, by_fit(build, fit_of(), 2))

    def test_no_validation_and_a_short_last_batch(self):
        check_all(plain, fit_of(validation_data=None, batch_size=60))

    @pytest.mark.slow
    def test_samples_in_one_batch(self):
        check_all(plain, fit_of(batch_size=1000, epochs=2))

    def test_one_member_is_one_alone(self):
        check_all(plain, fit_of(), variants=(1,))

    @pytest.mark.parametrize("written", [True, SLOWLY])
    def test_batch_normalization(self, written):
        def build(variant):
            model = keras.Sequential(
                [
                    keras.Input((6,)),
                    layers.Dense(7, use_bias=False),
                    layers.BatchNormalization(momentum=0.8),
                    layers.Activation("relu"),
                    layers.Dropout(DROPPED[variant], seed=variant),
                    layers.BatchNormalization(scale=False, epsilon=1e-2),
                    layers.Dense(3),
                ]
            )
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            return compiled(model, keras.optimizers.SGD(RATES[variant]), loss)

        check_all(build, fit_of(), written)

    def test_layers_that_treat_samples_one_by_one(self):
        def build(variant):
            x = keras.Input((4, 4, 2))
            y = layers.MaxPooling2D()(layers.LeakyReLU()(x))
            y = layers.Dense(6, "gelu")(layers.Flatten()(y))
            z = layers.BatchNormalization()(layers.AveragePooling2D(2)(x))
            z = layers.Dense(6, "elu")(layers.Reshape((8,))(z))
            out = layers.Dense(3, "softmax")(layers.Concatenate()([layers.Add()([y, z]), z]))
            return compiled(keras.Model(x, out), keras.optimizers.Adam(RATES[variant]))

        check_all(build, fit_of(classes(shape=(4, 4, 2))), null=("bias",))

    @pytest.mark.parametrize(
        ("loss", "last", "metrics"),
        [
            pytest.param("mse", None, ["mae", "mape"], marks=pytest.mark.slow),
            ("binary_crossentropy", "sigmoid", ["accuracy", "AUC"]),
            pytest.param(
                keras.losses.Huber(delta=0.3),
                "softplus",
                [keras.metrics.RootMeanSquaredError],
                marks=pytest.mark.slow,
            ),
            pytest.param(
                keras.losses.BinaryCrossentropy(label_smoothing=0.1),
                "sigmoid",
                ["mse"],
                marks=pytest.mark.slow,
            ),
        ],
        ids=["mse", "crossentropy", "huber", "smoothed"],
    )
    def test_losses_of_one_output(self, loss, last, metrics):
        def build(variant):
            model = keras.Sequential(
                [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1, last)]
            )
            mine = [m if isinstance(m, str) else m() for m in metrics]
            return compiled(model, keras.optimizers.RMSprop(RATES[variant]), loss, mine)

        x, y = numbers()
        check_all(build, fit_of((x, (y > 0.5).astype("float32") if last == "sigmoid" else y)))

    @pytest.mark.parametrize("written", [True, SLOWLY])
    def test_metrics_that_are_no_means(self, written):
        def build(variant):
            model = keras.Sequential(
                [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
            )
            metrics = [
                keras.metrics.AUC(num_thresholds=20, name="auc"),
                keras.metrics.F1Score(name="f1"),
                "accuracy",
            ]
            return compiled(
                model, keras.optimizers.SGD(RATES[variant]), "categorical_crossentropy", metrics
            )

        x, y = classes()
        check_all(build, fit_of((x, keras.utils.to_categorical(y).astype("float32"))), written)

    @pytest.mark.parametrize("written", [True, SLOWLY])
    @pytest.mark.parametrize("of_samples", [True, SLOWLY])
    def test_weights_of_classes_and_of_samples(self, written, of_samples):
        def build(variant):
            model = plain(variant)
            model.compile(
                keras.optimizers.SGD(RATES[variant]),
                "sparse_categorical_crossentropy",
                metrics=["accuracy"],
                weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy(name="ce")],
                loss_weights=0.5,
            )
            return model

        given = {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}}
        if of_samples:
            (x, _), _ = splitted(classes())
            weights = np.random.default_rng(0).uniform(0.1, 2.0, len(x)).astype("float32")
            given = {"sample_weight": weights}
        check_all(build, fit_of(**given), written)


OPTIMIZERS = {
    "adam": lambda rate: keras.optimizers.Adam(rate, beta_1=0.8 + rate, amsgrad=True),
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=rate),
}
MORE_OPTIMIZERS = {
    "averaged": lambda rate: keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.9),
    "nadam": lambda rate: keras.optimizers.Nadam(rate, beta_2=0.9 + rate),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(
        rate, rho=0.8 + rate, momentum=rate, centered=True
    ),
    "nesterov": lambda rate: keras.optimizers.SGD(
        rate, momentum=0.9, nesterov=True, clipvalue=0.1 + rate
    ),
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": lambda rate: keras.optimizers.Adadelta(10 * rate),
    "adamax": keras.optimizers.Adamax,
    "ftrl": keras.optimizers.Ftrl,
    "lion": lambda rate: keras.optimizers.Lion(0.1 * rate, beta_1=0.8 + rate),
}
MAPPED_OPTIMIZERS = {
    "clipped": lambda rate: keras.optimizers.Adam(rate, clipnorm=0.1),
    "lamb": keras.optimizers.Lamb,
    "adafactor": keras.optimizers.Adafactor,
    "schedule": lambda rate: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.9)
    ),
}


def with_optimizer(make):
    def build(variant):
        model = plain(variant)
        return compiled(model, make(RATES[variant]))

    return build


class TestOptimizers:
    @pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
    def test_those_that_are_written_out(self, make):
        check_all(with_optimizer(make), fit_of())

    @pytest.mark.slow
    @pytest.mark.parametrize("make", MORE_OPTIMIZERS.values(), ids=MORE_OPTIMIZERS)
    def test_more_that_are_written_out(self, make):
        check_all(with_optimizer(make), fit_of())

    @pytest.mark.slow
    @pytest.mark.parametrize("make", MAPPED_OPTIMIZERS.values(), ids=MAPPED_OPTIMIZERS)
    def test_those_that_look_at_shapes(self, make):
        check_all(with_optimizer(make), fit_of(), written=False)

    @pytest.mark.slow
    def test_the_state_of_an_optimizer_that_is_wanted_whole(self):
        build = with_optimizer(keras.optimizers.Adam)
        outcomes = together(build, fit_of(), whole=True)
        for variant, outcome in zip((0, 2), outcomes):
            right = by_fit(build, fit_of(), variant).model.optimizer
            for mine, theirs in zip(outcome.model.optimizer.variables, right.variables):
                np.testing.assert_allclose(mine.numpy(), theirs.numpy(), 1e-4, 1e-6)

    def test_large_weights_are_not_joined_with_small_ones(self):
        def build(variant):
            model = keras.Sequential(
                [keras.Input((6,)), layers.Dense(700), layers.Dense(24), layers.Dense(3, "softmax")]
            )
            return compiled(model, keras.optimizers.Adam(0.1 * RATES[variant]))

        check_all(build, fit_of())


class TestMapped:
    """What is not written out."""

    def test_convolutions(self):
        def build(variant):
            model = keras.Sequential(
                [
                    keras.Input((5, 5, 1)),
                    layers.Conv2D(5, 3, activation="relu"),
                    layers.BatchNormalization(),
                    layers.GlobalAveragePooling2D(),
                    layers.Dense(3, "softmax"),
                ]
            )
            return compiled(model, keras.optimizers.SGD(RATES[variant]))

        check_all(build, fit_of(classes(shape=(5, 5, 1))), written=False)

    @pytest.mark.slow
    def test_attention_and_layer_normalization(self):
        def build(variant):
            x = keras.Input((4, 6))
            y = layers.MultiHeadAttention(2, 3, dropout=0.2, seed=variant)(x, x)
            y = layers.LayerNormalization()(layers.Add()([x, y]))
            y = layers.GlobalAveragePooling1D()(y)
            return compiled(
                keras.Model(x, layers.Dense(3, "softmax")(y)), keras.optimizers.SGD(RATES[variant])
            )

        check_all(build, fit_of(classes(shape=(4, 6))), written=False, null=("bias",))

    @pytest.mark.slow
    def test_layer_normalization_and_two_outputs(self):
        def build(variant):
            x = keras.Input((6,))
            y = layers.LayerNormalization()(layers.Dense(5)(x))
            one, two = layers.Dense(3, "softmax", name="a")(y), layers.Dense(1, name="b")(y)
            model = keras.Model(x, {"a": one, "b": two})
            model.compile(
                keras.optimizers.SGD(RATES[variant]),
                {"a": "sparse_categorical_crossentropy", "b": "mse"},
                loss_weights={"a": 1.0, "b": 0.3},
            )
            return model

        x, y = classes()
        check_all(build, fit_of((x, {"a": y, "b": x[:, :1]})), written=False)


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

        check_all(build, fit, variants=(0, 1, 2), relative=1e-4)
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

        check_all(plain, fit)

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
        first, error, last = train_together(members, program_of(members[0]))
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
            for result in train_together(members, program_of(members[0]))
        )

    def test_one_that_stops_before_it_begins(self):
        class Stops(keras.callbacks.Callback):
            epoch_level = True

            def on_epoch_begin(self, epoch, logs=None):
                self.model.stop_training = epoch == 1

        fit = fit_of()
        check_all(plain, lambda v: {**fit(v), "callbacks": [Stops()] if v == 2 else []})

    def test_no_epochs(self):
        members = members_of(plain, fit_of(epochs=0), (0, 1))
        results = train_together(members, program_of(members[0]))
        assert [result.epoch for result in results] == [[], []]


class TestShuffling:
    def test_in_the_order_in_which_each_is_shuffled_alone(self):
        fit = fit_of(shuffle=True)
        outcomes = together(dense, fit)
        for variant, outcome in zip((0, 2), outcomes):
            model = made(dense, variant)
            history, taken = Door(fastest=SHARED).fit(model, (), fit(variant), SEEDS[variant])
            assert taken.path == SHARED
            check_same(outcome, Outcome(model, history))

    def test_folds_of_one_array(self):
        x, y = classes(60)
        folds = np.arange(60).reshape(3, 20)
        train = [np.concatenate([folds[j] for j in range(3) if j != i]) for i in range(3)]
        # What is counted is the samples of one fold, what is read those of all.
        data = DeviceData()
        (every, _), members = data.of(bound((), {"x": x, "y": y})), []
        part, held_out = (dataclasses.replace(every, count=count) for count in (40, 20))
        for i in range(3):
            model = made(plain, 0)
            call = bound(
                (), {"x": x, "y": y, "epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0}
            )
            feeding = Feeding(call, part, held_out, [0])
            callbacks = Callbacks(model, call, feeding.steps)
            members.append(
                member_of(model, call, callbacks, feeding, rows=train[i], validation_rows=folds[i])
            )
        for i, history in enumerate(train_together(members, program_of(members[0]))):
            fit = fit_of(x=x[train[i]], y=y[train[i]], validation_data=(x[folds[i]], y[folds[i]]))
            check_same(Outcome(members[i].model, history), by_fit(plain, fit))


class TestRefusals:
    def refused(self, build=plain, **others):
        with pytest.raises(NotStacked) as refused:
            members_of(build, fit_of(**others), (0,))
        return str(refused.value)

    def test_recurrent_layers(self):
        def build(variant):
            model = keras.Sequential(
                [keras.Input((4, 6)), layers.LSTM(3), layers.Dense(3, "softmax")]
            )
            return compiled(model, keras.optimizers.SGD(0.1))

        assert self.refused(build, data=classes(shape=(4, 6))) == "recurrent layers"

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

    def test_a_model_that_is_not_built(self):
        def build(variant):
            return compiled(keras.Sequential([layers.Dense(3)]), keras.optimizers.SGD(0.1))

        assert "not built" in self.refused(build)

    def test_members_of_different_keys(self):
        members = [
            *members_of(plain, fit_of(), (0,)),
            *members_of(plain, fit_of(batch_size=8), (1,)),
        ]
        with pytest.raises(ValueError, match="2 different keys"):
            train_together(members, None)

    def test_open_sizes_of_what_is_not_written_out(self):
        (member,) = members_of(with_optimizer(keras.optimizers.Adam), fit_of(), (0,))
        with pytest.raises(NotWritten):
            StackedProgram(member.model, member.open_structure, None, written=False)


class TestOpenSizes:
    """One program for stacks of models of other sizes."""

    @pytest.mark.parametrize(
        "optimizer",
        [keras.optimizers.SGD, pytest.param(keras.optimizers.Nadam, marks=pytest.mark.slow)],
    )
    def test_a_program_serves_all_sizes(self, optimizer):
        def sized(units, features):
            def build(variant):
                model = keras.Sequential(
                    [
                        keras.Input((6,)),
                        layers.Dense(
                            units, "relu", kernel_regularizer=regularizers.L1(FACTORS[variant])
                        ),
                        layers.BatchNormalization(),
                        layers.Dropout(DROPPED[variant], seed=variant),
                        layers.Dense(features, use_bias=False),
                        layers.LeakyReLU(),
                        layers.Dense(3, "softmax"),
                    ]
                )
                return compiled(model, optimizer(RATES[variant]))

            return build

        fit, data = fit_of(), DeviceData()
        keys, program = set(), None
        for build in (sized(8, 4), sized(3, 3), sized(12, 20)):
            members = members_of(build, fit, (0, 2), data)
            keys.add(program_key(members[0]))
            program = program or program_of(members[0])
            for variant, member, history in zip((0, 2), members, train_together(members, program)):
                right = by_fit(build, fit, variant)
                check_same(Outcome(member.model, history), right, null=("bias", "beta"))
        assert len(keys) == 1


class TestFailing:
    def test_a_program_that_fails_at_once_leaves_the_models_as_they_were(self):
        members = members_of(plain, fit_of(), (0, 1))
        program = program_of(members[0])
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
