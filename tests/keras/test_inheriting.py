"""A training goes on with other hyperparameters as `model.fit` does if a model is changed."""

import numpy as np
import pytest

from kerastune_lite._src.keras.inheriting import beginning_of, inherited, rates_of
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.resuming import StateKeeper, StateRestorer
from tests.keras.models import FEATURES
from tests.keras.resumed import assert_same, fit

keras = load_keras()

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def build(rate=0.05, momentum=0.9, dropout=0.4, units=6, optimizer=None, seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(units, activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(dropout, seed=seed),
            keras.layers.Dense(1),
        ]
    )
    optimizer = optimizer or keras.optimizers.SGD(rate, momentum=momentum)
    # On so few batches tracing a function takes longer than all of the training.
    model.compile(optimizer, "mse", run_eagerly=True)
    return model


def begun(model, callbacks=(), epochs=2):
    """The state of a parent after some epochs; the model is trained on to them, too."""
    beginning = beginning_of(rates_of(model), callbacks)
    keeper = StateKeeper(callbacks, epochs, lambda: beginning)
    fit(model, [*callbacks, keeper], epochs=epochs)
    return keeper.state


def gone_on(state, model, callbacks=(), epochs=5):
    """A child's model and its history."""
    state = inherited(state, model, beginning_of(rates_of(model), callbacks))
    return model, fit(model, [*callbacks, StateRestorer(state, callbacks)], epochs, state.epoch)


def rate_of(model):
    return float(model.optimizer.learning_rate.numpy())


def test_with_the_same_values_it_goes_on_as_the_parent():
    whole = build()
    history = fit(whole, [])
    assert_same((whole, history), gone_on(begun(build()), build(seed=1)))


def test_with_other_values_it_goes_on_as_a_model_that_was_changed():
    """`model.fit`, whose attributes are set between two of its epochs."""
    model = build()
    fit(model, [], epochs=2)
    model.optimizer.learning_rate.assign(0.01)
    model.optimizer.momentum = 0.5
    model.layers[2].rate = 0.1
    fit(model, [], 5, 2)
    child, _ = gone_on(begun(build()), build(0.01, 0.5, 0.1, seed=1))
    for ours, theirs in zip(child.variables, model.variables):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-7)
    assert rate_of(child) == pytest.approx(0.01)


def test_a_rate_that_a_callback_has_reduced_stays_reduced():
    def reduce():
        return [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)]

    state = begun(build(0.08), reduce())
    same, _ = gone_on(state, build(0.08, seed=1), reduce(), epochs=3)
    assert rate_of(same) == pytest.approx(0.01)
    twice, _ = gone_on(state, build(0.16, seed=1), reduce(), epochs=3)
    assert rate_of(twice) == pytest.approx(0.02)


class Counts(keras.callbacks.Callback):
    """Knows its trial, and how many epochs have ended."""

    def __init__(self, trial, table):
        super().__init__()
        self.trial = trial
        self.table = np.array(table)
        self.count = 0

    def on_epoch_end(self, epoch, logs=None):
        self.count += 1


def test_callbacks_have_the_state_of_the_parent_and_what_they_were_made_with():
    state = begun(build(), [Counts(3, [1.0, 2.0])])
    for table in ([1.0, 2.0], [1.0, 5.0]):
        child = Counts(7, table)
        gone_on(state, build(), [child], epochs=3)
        assert (child.trial, child.count, child.table.tolist()) == (7, 3, table)


def test_rates_that_follow_a_schedule_are_those_of_the_child():
    def decaying(start):
        rate = keras.optimizers.schedules.ExponentialDecay(start, 3, 0.5)
        return build(optimizer=keras.optimizers.SGD(rate))

    state = begun(decaying(0.08))
    child, _ = gone_on(state, decaying(0.16), epochs=3)
    assert int(child.optimizer.iterations.numpy()) == 3 * 3
    assert rate_of(child) == pytest.approx(0.16 * 0.5**3)


def test_an_optimizer_with_other_variables_starts_anew(caplog):
    model = build(seed=1)
    parent = begun(build(momentum=0.0))
    child = inherited(parent, model, beginning_of(rates_of(model), []))
    assert "it starts anew" in caplog.text
    assert [name for name in child.arrays if name.startswith("optimizers")] == [
        f"optimizers/optimizer/{place}" for place in range(len(model.optimizer.variables))
    ]
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), parent.arrays["model/0"])
    assert not np.any(model.optimizer.variables[2].numpy())
    assert gone_on(parent, build(seed=1))[1]["loss"]


def test_another_network_is_refused():
    with pytest.raises(ValueError, match=r"needs the same network.*shape \(4, 6\).*has \(4, 7\)"):
        gone_on(begun(build()), build(units=7))


def test_what_was_inherited_is_not_changed():
    state = begun(build())
    before = {name: array.copy() for name, array in state.arrays.items()}
    gone_on(state, build(0.01))
    for name, array in before.items():
        np.testing.assert_array_equal(state.arrays[name], array)
