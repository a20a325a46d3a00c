"""What the ready-made hypermodels have in common: arguments, corners, searches."""

import pickle

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.applications.ready_made import power_of_two
from kerastune_lite.applications import HyperCNN, HyperMLP, HyperRNN, HyperText, Target
from tests.keras.applications.ready_made import ROWS, SAMPLES, TARGETS, corners, made
from tests.keras.models import keras, same_weights

PATHS = {
    # How trials may be trained.
    HyperMLP: {"NumPy"},
    HyperCNN: {"NumPy", "shared trace"},
    HyperRNN: {"NumPy", "shared trace"},
    HyperText: {"own trace"},
}
KINDS = list(PATHS)


def each_kind(function):
    return pytest.mark.parametrize("kind", KINDS)(function)


def trained(kind, values, target="classes"):
    keras.utils.set_random_seed(0)
    hp = kt.HyperParameters(values=values)
    model = made(kind, target).build(hp)
    batch_size = hp.get("batch_size")
    model.fit(SAMPLES[kind], TARGETS[target], batch_size=batch_size, epochs=1, verbose=0)
    return model


# ---------------------------------------------------------------------- models


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param(
            kind, values, id=f"{kind.__name__}-{values}", marks=[pytest.mark.slow] if place else []
        )
        for kind in KINDS
        for place, values in enumerate(corners(kind))
    ],
)
def test_each_corner_trains_and_is_saved(kind, values, tmp_path):
    model = trained(kind, values)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")  # in safe mode
    predictions = model.predict(SAMPLES[kind], verbose=0)
    assert np.isfinite(predictions).all()
    np.testing.assert_allclose(
        loaded.predict(SAMPLES[kind], verbose=0), predictions, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("target", TARGETS)
@each_kind
def test_each_kind_of_target_is_predicted(kind, target):
    y = TARGETS[target]
    model = trained(kind, {}, target)
    outputs = model.predict(SAMPLES[kind], verbose=0)
    predicted = Target.of(y).predicted(outputs)
    assert predicted.shape == y.shape
    if target == "numbers":  # in the unit of the targets from the start
        assert abs(predicted.mean() - y.mean()) < 3 * y.std()


@each_kind
def test_the_rate_falls_to_zero_at_the_end(kind):
    hp = kt.HyperParameters(values={"learning_rate": 0.004})
    hypermodel = kind(SAMPLES[kind], TARGETS["binary"], epochs=20)
    schedule = hypermodel.build(hp).optimizer.get_config()["learning_rate"]
    rate = keras.optimizers.schedules.deserialize(schedule)
    steps = 20 * -(-ROWS // hp.get("batch_size"))
    rates = [float(rate(step)) for step in range(steps + 1)]
    assert max(rates) == pytest.approx(0.004)
    assert rates.index(max(rates)) <= 0.1 * steps
    assert rates[0] > 0
    assert rates[-1] == pytest.approx(0, abs=1e-8)


@each_kind
def test_a_hyperparameter_that_is_given_takes_precedence(kind):
    given = kt.HyperParameters()
    given.Float("dropout", 0.25, 0.3, default=0.3)
    given.Fixed("units", 24)
    hp = kt.HyperParameters(given.space)
    model = made(kind).build(hp)
    assert (hp.get("dropout"), hp.get("units")) == (0.3, 24)
    rates = {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    assert rates == {0.3}


@each_kind
def test_no_samples_are_kept(kind):
    many = np.concatenate([SAMPLES[kind]] * 100)
    hypermodel = kind(many, np.arange(len(many)) % 3)
    stored = pickle.dumps(hypermodel)
    assert len(stored) < 2000
    keras.utils.set_random_seed(1)
    model = hypermodel.build(kt.HyperParameters())
    keras.utils.set_random_seed(1)
    again = pickle.loads(stored).build(kt.HyperParameters())  # noqa: S301
    assert same_weights(model.get_weights(), again.get_weights())


# ---------------------------------------------------------------------- arguments


@each_kind
def test_name_and_tunable_are_those_of_a_hypermodel(kind):
    hypermodel = made(kind, name="mine", tunable=False)
    assert (hypermodel.name, hypermodel.tunable) == ("mine", False)
    hp = kt.HyperParameters()
    hypermodel.build(hp)
    assert hp.values == {}


@each_kind
def test_the_target_may_be_given(kind):
    target = Target.of(TARGETS["classes"], classes=7)
    assert kind(SAMPLES[kind], target).build(kt.HyperParameters()).output_shape == (None, 7)


@each_kind
def test_wrong_arguments_are_named(kind):
    with pytest.raises(ValueError, match=f"same number of samples.*{ROWS} in x, 3 in y"):
        kind(SAMPLES[kind], [0, 1, 1])
    with pytest.raises(ValueError, match=r"`epochs` must be a whole number, 1 or more\..*0"):
        kind(SAMPLES[kind], TARGETS["binary"], epochs=0)
    with pytest.raises(TypeError, match="LabelEncoder"):
        kind(SAMPLES[kind], np.array(["a", "b"] * (ROWS // 2)))
    with pytest.raises(ValueError, match="Received: shape"):
        kind(SAMPLES[kind][:, None, None, None, None], TARGETS["binary"])
    with pytest.raises(ValueError, match="Received: shape"):
        kind(SAMPLES[kind][:0], TARGETS["binary"][:0])


def test_powers_of_two():
    nearest = [power_of_two(value, 16, 256) for value in (1, 22, 23, 64, 100, 1000)]
    assert nearest == [16, 16, 32, 64, 128, 256]


# ---------------------------------------------------------------------- searches


@each_kind
def test_first_trials_are_points_of_the_space(kind, tmp_path):
    hypermodel = kind(SAMPLES[kind], TARGETS["classes"], epochs=2)
    tuner = kt.Tuner(hypermodel, "val_loss", directory=tmp_path)
    assert hypermodel.first_trials[0] == {}
    for values in hypermodel.first_trials:
        tuner.enqueue(values)  # raises for others


@each_kind
def test_a_search_trains_with_its_batch_size_and_epochs(kind, tmp_path):
    x, y = SAMPLES[kind], TARGETS["classes"]
    hypermodel = kind(x, y, epochs=2)
    tuner = kt.Tuner(hypermodel, "val_loss", max_trials=2, seed=1, directory=tmp_path)
    tuner.search(x, y, validation_data=(x, y), verbose=0)
    first, second = tuner.trials
    defaults = kt.HyperParameters()
    hypermodel.build(defaults)
    assert first.values == defaults.values
    assert [trial.executions[0].epochs for trial in (first, second)] == [2, 2]
    assert {first.path, second.path} <= PATHS[kind]
    best = tuner.get_best_models()[0]
    score = best.evaluate(x, y, verbose=0)[0]
    assert score == pytest.approx(min(first.score, second.score), rel=1e-4)


@pytest.mark.slow
@each_kind
def test_hyperband(kind, tmp_path, caplog):
    x, y = SAMPLES[kind], TARGETS["binary"]
    hypermodel = kind(x, y, epochs=3)
    tuner = kt.Hyperband(hypermodel, "val_loss", max_epochs=3, seed=1, directory=tmp_path)
    tuner.search(x, y, validation_data=(x, y), verbose=0)
    assert not caplog.records  # such as: epochs have no effect
    assert all(np.isfinite(trial.score) for trial in tuner.trials)
