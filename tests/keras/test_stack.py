"""Members of a stack are trained as each would be alone."""

import numpy as np
import pytest

from kerastune_lite._src.keras.fast.samples import DeviceData
from tests.keras.equality.cases import (
    DROPPED,
    FACTORS,
    RATES,
    Outcome,
    by_fit,
    check_same,
    classes,
    keras,
    numbers,
    splitted,
)
from tests.keras.stacked import (
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

layers, regularizers = keras.layers, keras.regularizers


class TestEqualToFit:
    def test_scalars_that_differ(self):
        check_stacked(dense, fit_of(), compared=(0, 2))

    @pytest.mark.parametrize("name", ["clipnorm", "global_clipnorm"])
    def test_clipping_by_norms(self, name):
        build = with_optimizer(lambda rate: keras.optimizers.SGD(10 * rate, **{name: 0.2}))
        check_stacked(build, fit_of(), compared=(0, 2))

    def test_validation_every_other_epoch(self):
        check_stacked(plain, fit_of(epochs=4, validation_freq=2, initial_epoch=1))

    def test_one_that_diverges_leaves_the_others_alone(self):
        def build(variant):
            model = plain(variant)
            return compiled(model, keras.optimizers.SGD((1e30, 0.05, 0.02)[variant]))

        diverged, other = together(build, fit_of(), (0, 2))
        assert not np.isfinite(diverged.history.history["loss"][-1])
        check_same(other, by_fit(build, fit_of(), 2))

    def test_no_validation_and_a_short_last_batch(self):
        check_stacked(plain, fit_of(validation_data=None, batch_size=60))

    @pytest.mark.slow
    def test_samples_in_one_batch(self):
        check_stacked(plain, fit_of(batch_size=1000, epochs=2))

    def test_one_member_is_one_alone(self):
        check_stacked(plain, fit_of(), variants=(1,))

    def test_batch_normalization(self):
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

        check_stacked(build, fit_of())

    def test_recurrent_layers(self):
        def build(variant):
            model = keras.Sequential(
                [
                    keras.Input((4, 3)),
                    layers.Dense(4, "tanh"),
                    layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
                    layers.GRU(4, dropout=0.2, recurrent_dropout=0.1),
                    layers.Dense(3, "softmax"),
                ]
            )
            return compiled(model, keras.optimizers.SGD(RATES[variant], momentum=0.9))

        check_stacked(build, fit_of(classes(shape=(4, 3))))

    def test_a_graph_of_layers(self):
        def build(variant):
            x = keras.Input((4, 4, 2))
            y = layers.Rescaling(0.5, 0.1)(layers.LeakyReLU(0.1)(x))
            y = layers.Dense(6, "gelu")(layers.Flatten()(y))
            z = layers.BatchNormalization()(x)
            z = layers.Dense(6, "elu")(layers.Reshape((32,))(z))
            out = layers.Dense(3, "softmax")(layers.Concatenate()([layers.Add()([y, z]), z]))
            return compiled(keras.Model(x, out), keras.optimizers.Adam(RATES[variant]))

        check_stacked(build, fit_of(classes(shape=(4, 4, 2))), null=("bias",))

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
        check_stacked(build, fit_of((x, (y > 0.5).astype("float32") if last == "sigmoid" else y)))

    def test_metrics_that_are_no_means(self):
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
        check_stacked(build, fit_of((x, keras.utils.to_categorical(y).astype("float32"))))

    @pytest.mark.parametrize("of_samples", [True, pytest.param(False, marks=pytest.mark.slow)])
    def test_weights_of_classes_and_of_samples(self, of_samples):
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
        check_stacked(build, fit_of(**given))


OPTIMIZERS = {
    "adam": lambda rate: keras.optimizers.Adam(rate, beta_1=0.8 + rate, amsgrad=True),
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=rate),
    "a schedule": lambda rate: keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            rate / 5, int(500 * rate), rate, warmup_target=rate, warmup_steps=2 + int(100 * rate)
        )
    ),
}
MORE_OPTIMIZERS = {
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
    "lion": lambda rate: keras.optimizers.Lion(0.1 * rate, beta_1=0.8 + rate),
}


class TestOptimizers:
    @pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
    def test_those_that_are_written_out(self, make):
        check_stacked(with_optimizer(make), fit_of())

    @pytest.mark.slow
    @pytest.mark.parametrize("make", MORE_OPTIMIZERS.values(), ids=MORE_OPTIMIZERS)
    def test_more_that_are_written_out(self, make):
        check_stacked(with_optimizer(make), fit_of())

    @pytest.mark.slow
    def test_the_state_of_an_optimizer_that_is_wanted_whole(self):
        build = with_optimizer(keras.optimizers.Adam)
        outcomes = together(build, fit_of(), whole=True)
        for variant, outcome in zip((0, 2), outcomes):
            right = by_fit(build, fit_of(), variant).model.optimizer
            for mine, theirs in zip(outcome.model.optimizer.variables, right.variables):
                np.testing.assert_allclose(mine.numpy(), theirs.numpy(), 1e-4, 1e-6)

    def test_layers_of_very_different_sizes(self):
        def build(variant):
            model = keras.Sequential(
                [keras.Input((6,)), layers.Dense(700), layers.Dense(24), layers.Dense(3, "softmax")]
            )
            return compiled(model, keras.optimizers.Adam(0.1 * RATES[variant]))

        check_stacked(build, fit_of())


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
        programs = set()
        for build in (sized(8, 4), sized(5, 6), sized(12, 20)):
            members = members_of(build, fit, (0, 2), data)
            program = written_out(members[0])
            programs.add(id(program))
            for variant, member, history in zip((0, 2), members, train_together(members, program)):
                right = by_fit(build, fit, variant)
                check_same(Outcome(member.model, history), right, null=("bias", "beta"))
        assert len(programs) == 1
