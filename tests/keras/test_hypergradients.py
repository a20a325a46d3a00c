import keras
import numpy as np
import pytest

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher
from kerastune_lite._src.util.errors import FatalValueError
from tests.keras.gradients import Training, classes, dense


@pytest.fixture
def in_double_precision():
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(policy)


def check_against_differences(training):
    gradient = training.gradient()
    assert set(gradient) == set(training.space.names)
    for name, slope in gradient.items():
        assert slope == pytest.approx(training.difference(name), rel=1e-3, abs=1e-7), name
        assert slope != 0.0


def rate(hp):
    return hp.Float("rate", 1e-3, 1e-1, sampling="log")


OPTIMIZERS = {
    "SGD with momentum": lambda hp: keras.optimizers.SGD(rate(hp), hp.Float("momentum", 0.1, 0.9)),
    "SGD, Nesterov": lambda hp: keras.optimizers.SGD(
        rate(hp), hp.Float("momentum", 0.1, 0.9), nesterov=True
    ),
    "SGD with decay": lambda hp: keras.optimizers.SGD(
        rate(hp), weight_decay=hp.Float("decay", 1e-3, 1e-1, sampling="log")
    ),
    "Adam": lambda hp: keras.optimizers.Adam(rate(hp), 1 - hp.Float("beta", 0.05, 0.5)),
    "AdamW": lambda hp: keras.optimizers.AdamW(
        rate(hp), weight_decay=hp.Float("decay", 1e-3, 1e-1, sampling="log")
    ),
    "Nadam": lambda hp: keras.optimizers.Nadam(rate(hp)),
    "Adamax": lambda hp: keras.optimizers.Adamax(rate(hp)),
    "RMSprop": lambda hp: keras.optimizers.RMSprop(
        rate(hp), hp.Float("rho", 0.5, 0.95), hp.Float("momentum", 0.1, 0.9)
    ),
    "Adagrad": lambda hp: keras.optimizers.Adagrad(rate(hp)),
    "Adadelta": lambda hp: keras.optimizers.Adadelta(rate(hp)),
    "a schedule": lambda hp: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(rate(hp), 4, hp.Float("factor", 0.5, 0.95))
    ),
    "clipping": lambda hp: keras.optimizers.SGD(rate(hp), clipnorm=hp.Float("norm", 0.01, 0.1)),
}


@pytest.mark.usefixtures("in_double_precision")
class TestAgainstFiniteDifferences:
    """Of the validation loss that `model.fit` reports."""

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_numbers_of_optimizers(self, kind):
        def build(hp):
            model = dense(keras.layers.Dense(4, "tanh"))
            model.compile(OPTIMIZERS[kind](hp), "categorical_crossentropy")
            return model

        check_against_differences(Training(build))

    def test_penalties_and_label_smoothing(self):
        def build(hp):
            both = keras.regularizers.L1L2(
                hp.Float("l1", 1e-4, 1e-2, sampling="log"), hp.Float("l2", 0.0, 0.1)
            )
            loss = keras.losses.CategoricalCrossentropy(
                label_smoothing=hp.Float("smoothing", 0.0, 0.3)
            )
            model = dense(keras.layers.Dense(4, "tanh"), regularizer=both)
            model.compile(keras.optimizers.Adam(0.01), loss)
            return model

        check_against_differences(Training(build))

    def test_a_metric_without_penalties(self):
        """Which tells what they are good for."""

        def build(hp):
            penalty = keras.regularizers.L2(hp.Float("l2", 1e-3, 0.5, sampling="log"))
            model = dense(keras.layers.Dense(4, "relu"), regularizer=penalty)
            model.compile(
                keras.optimizers.SGD(0.1), "categorical_crossentropy", metrics=["mse", "accuracy"]
            )
            return model

        check_against_differences(Training(build, objective="val_mse"))

    def test_any_formula_in_the_builder(self):
        def build(hp):
            strength = hp.Float("strength", 0.1, 1.0)
            penalty = keras.regularizers.L2(0.1 * strength**2)
            model = dense(keras.layers.Dense(4, "tanh"), regularizer=penalty)
            model.compile(keras.optimizers.SGD(0.2 / (1 + strength)), "categorical_crossentropy")
            return model

        check_against_differences(Training(build))

    def test_noise_and_normalisation(self):
        def build(hp):
            hidden = [
                keras.layers.GaussianNoise(hp.Float("noise", 0.1, 1.0)),
                keras.layers.Dense(4, "relu"),
                keras.layers.BatchNormalization(),
            ]
            model = dense(*hidden)
            model.compile(keras.optimizers.SGD(rate(hp)), "categorical_crossentropy")
            return model

        check_against_differences(Training(build))

    def test_images(self):
        def build(hp):
            hidden = [
                keras.layers.Conv2D(3, 3, activation="relu"),
                keras.layers.MaxPooling2D(),
                keras.layers.Flatten(),
            ]
            model = dense(*hidden, shape=(6, 6, 1))
            model.compile(keras.optimizers.SGD(rate(hp)), "categorical_crossentropy")
            return model

        check_against_differences(Training(build, classes(shape=(6, 6, 1))))

    def test_weighted_samples_of_two_classes(self):
        x, y = classes()

        def build(hp):
            model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, "sigmoid")])
            smoothing = hp.Float("smoothing", 0.0, 0.3)
            loss = keras.losses.BinaryCrossentropy(label_smoothing=smoothing)
            model.compile(keras.optimizers.SGD(rate(hp)), loss)
            return model

        weights = np.linspace(0.5, 1.5, len(x))
        check_against_differences(Training(build, (x, y[:, :1]), sample_weight=weights))

    @pytest.mark.parametrize("layer", ["LayerNormalization", "GRU"])
    def test_layers_with_second_derivatives_of_their_own(self, layer):
        def build(hp):
            hidden = getattr(keras.layers, layer)
            model = dense(hidden(3) if layer == "GRU" else hidden(), shape=SEQUENCE)
            if layer != "GRU":
                last = keras.layers.Dense(3, "softmax")
                inputs = [keras.Input(SEQUENCE), hidden(), keras.layers.Flatten(), last]
                model = keras.Sequential(inputs)
            model.compile(keras.optimizers.SGD(rate(hp)), "categorical_crossentropy")
            return model

        check_against_differences(Training(build, classes(shape=SEQUENCE), epochs=2))


SEQUENCE = (6, 2)


def rated(hp):
    model = dense(keras.layers.Dense(4, "tanh"))
    model.compile(keras.optimizers.SGD(rate(hp)), "categorical_crossentropy", metrics=["accuracy"])
    return model


def test_dropout_in_the_mean_over_many_masks():
    """Where the loss is quadratic in what is dropped: a single weight."""
    x, y = np.ones((800, 1)), np.zeros((800, 1))

    def build(hp):
        dropout = keras.layers.Dropout(hp.Float("dropout", 0.2, 0.6))
        last = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((1,)), dropout, last])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        return model

    training = Training(build, (x, y), validation_split=0.5, epochs=2, batch_size=400)
    acting = training.gradients._actions.at
    hp, width = training.hp(), 0.25
    member = training.gradients._member(acting(hp, 0), hp, 0, None)
    program = training.gradients._program(acting(hp, 0), member)
    hps = [training.hp(dropout=0.4 + sign * width * 0.4) for sign in (-1, 0, 1)]
    below, here, above = (acting(hp, 0) for hp in hps)

    def run(point, seed):
        keras.utils.set_random_seed(seed)
        for layer in point.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign([seed, 0])
        return training.gradients._gradient(point, member, 2)

    assert program.connected
    seeds = range(30)
    slopes = [run(here, seed)[1][0] for seed in seeds]
    differences = [(run(above, s)[0] - run(below, s)[0]) / (2 * width) for s in seeds]
    error = np.hypot(np.std(slopes), np.std(differences)) / np.sqrt(len(seeds))
    assert abs(np.mean(slopes)) > 20 * error, "the test has no power"
    assert np.mean(slopes) == pytest.approx(np.mean(differences), abs=3 * error)


class TestWhatIsMeasured:
    def test_single_precision_and_shuffling_follow_the_training(self):
        training = Training(rated, shuffle=True)
        acting = training.gradients._actions.at(training.hp(), 3)
        member = training.gradients._member(acting, training.hp(), 3, None)
        loss, slopes = training.gradients._gradient(acting, member, training.epochs)
        args, kwargs = training.spec.fit.for_execution(training.hp())
        model = training.gradients._actions._built(training.hp(), 3)
        history, _ = Dispatcher().fit(model, args, {**kwargs, "verbose": 0}, [3, 0])
        assert loss == pytest.approx(history.history["val_loss"][-1], rel=1e-4)
        assert np.all(np.isfinite(slopes))
        assert np.all(slopes != 0)

    def test_at_the_end_of_a_domain(self):
        def build(hp):
            model = dense(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
            model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
            return model

        training = Training(build, middle=0.0)
        assert training.values == {"dropout": 0.0}
        assert np.isfinite(training.gradient()["dropout"])

    def test_units_without_gradients_do_not_make_it_infinite(self):
        def build(hp):
            model = dense(keras.layers.Dense(4, "relu", bias_initializer=dead))
            model.compile(keras.optimizers.Adam(rate(hp)), "categorical_crossentropy")
            return model

        dead = keras.initializers.Constant(-100.0)
        assert np.isfinite(Training(build).gradient()["rate"])

    def test_one_that_is_not_finite_is_not_recorded(self):
        def build(hp):
            model = dense(keras.layers.Dense(4, "relu"))
            model.compile(keras.optimizers.SGD(hp.Float("rate", 1e20, 1e30)), "mse")
            return model

        assert Training(build).gradient() == {}

    def test_one_program_for_all_sizes_and_numbers(self):
        from kerastune_lite._src.keras import hypergradients

        def build(hp):
            model = dense(keras.layers.Dense(hp.Int("units", 2, 9), "tanh"))
            model.compile(keras.optimizers.SGD(rate(hp)), "categorical_crossentropy")
            return model

        training = Training(build)
        slopes = [training.gradient(units=units)["rate"] for units in (3, 5)]
        programs = len(hypergradients._KEPT)
        slopes += [training.gradient(units=7, rate=0.02)["rate"]]
        assert len(set(slopes)) == 3
        assert len(hypergradients._KEPT) == programs

    def test_another_training_is_noticed(self, caplog):
        training = Training(rated)
        training.gradients.metrics(training.hp(), 3, 2, loss=5.0)
        training.gradients.metrics(training.hp(), 3, 2, loss=5.0)
        assert len(caplog.records) == 1
        assert "in place of 5" in caplog.text


class TestRefused:
    """Before the first trial, with the name of what has no derivative."""

    def refused(self, build, match, **arguments):
        with pytest.raises(FatalValueError, match=match):
            Training(build, **arguments).check()

    def test_an_objective_that_counts(self):
        self.refused(rated, "changes in jumps", objective=Objective("val_accuracy", "max"))

    def test_an_objective_of_the_training_data(self):
        self.refused(rated, 'Write "val_loss"', objective="loss")

    def test_no_validation(self):
        self.refused(rated, "Received neither", validation_split=0.0)

    def test_what_changes_the_structure(self):
        def build(hp):
            slope = hp.Float("slope", 0.1, 0.5)
            model = dense(keras.layers.LeakyReLU(negative_slope=slope))
            model.compile(keras.optimizers.SGD(rate(hp)), "categorical_crossentropy")
            return model

        self.refused(build, "'slope' changes something else(.|\n)*structure=BayesianOracle")

    def test_what_changes_in_steps(self):
        def build(hp):
            model = dense(keras.layers.Dense(int(hp.Float("width", 2, 9)), "tanh"))
            model.compile(keras.optimizers.SGD(rate(hp)), "categorical_crossentropy")
            return model

        self.refused(build, "small change of 'width' changes none")

    def test_callbacks_that_change_the_learning_rate(self):
        callbacks = [keras.callbacks.ReduceLROnPlateau()]
        self.refused(rated, "ReduceLROnPlateau, which changes it", callbacks=callbacks)

    def test_an_optimizer_that_takes_signs(self):
        def build(hp):
            model = dense()
            model.compile(keras.optimizers.Lion(rate(hp)), "categorical_crossentropy")
            return model

        self.refused(build, "the optimizer is Lion")

    def test_a_model_of_the_users_own(self):
        class Own(keras.Model):
            def call(self, x):
                return x

        def build(hp):
            model = Own()
            model.compile(keras.optimizers.SGD(rate(hp)), "mse")
            return model

        self.refused(build, "not built before fit")
