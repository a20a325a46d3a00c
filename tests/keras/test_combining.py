import keras
import numpy as np
import pytest

from kerastune_lite._src.keras.combining import averaged

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")


def model(units):
    layers = [keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1, "sigmoid")]
    built = keras.Sequential(layers)
    built.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return built


def test_the_output_is_the_weighted_mean():
    models = [model(2), model(5), model(7)]
    expected = sum(w * np.asarray(each(X)) for w, each in zip((0.5, 0.3, 0.2), models))
    combined = averaged(models, [0.5, 0.3, 0.2])
    assert np.asarray(combined(X)) == pytest.approx(expected, abs=1e-6)
    _, accuracy = combined.evaluate(X, Y, verbose=0)
    assert accuracy == pytest.approx(((expected[:, 0] > 0.5) == Y).mean())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("count", [1, 3])
def test_it_is_saved_and_loaded_in_safe_mode(tmp_path, count):
    combined = averaged([model(n + 2) for n in range(count)], [1 / count] * count)
    combined.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.asarray(loaded(X)) == pytest.approx(np.asarray(combined(X)), abs=1e-6)


def test_one_model_is_itself():
    single = model(2)
    assert averaged([single], [1.0]) is single


def branched(units):
    """A model with two inputs in a dict, and two outputs."""
    one, other = keras.Input((3,), name="one"), keras.Input((2,), name="other")
    hidden = keras.layers.Concatenate()([keras.layers.Dense(units)(one), other])
    outputs = {
        "kind": keras.layers.Dense(1, "sigmoid", name="kind")(hidden),
        "size": keras.layers.Dense(1, name="size")(hidden),
    }
    built = keras.Model({"one": one, "other": other}, outputs)
    built.compile("adam", {"kind": "binary_crossentropy", "size": "mse"})
    return built


def test_several_inputs_and_outputs_keep_their_structure():
    x = {"one": X, "other": X[:, :2]}
    models = [branched(2), branched(4)]
    first, second = (each.predict(x, verbose=0) for each in models)
    combined = averaged(models, [0.25, 0.75])
    found = combined.predict(x, verbose=0)
    assert sorted(found) == ["kind", "size"]
    for name, values in found.items():
        assert values == pytest.approx(0.25 * first[name] + 0.75 * second[name], abs=1e-6)
    y = {"kind": Y, "size": X[:, 0]}
    losses = combined.evaluate(x, y, len(X), verbose=0, return_dict=True)
    expected = ((found["size"][:, 0] - X[:, 0]) ** 2).mean()
    assert losses["size_loss"] == pytest.approx(expected, rel=1e-5)


class Called(keras.Model):
    """A subclass that does not know the shape of its inputs."""

    def __init__(self, units):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(units), keras.layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))


def test_subclasses_get_their_inputs_from_samples():
    models = [Called(2), Called(3)]
    expected = sum(np.asarray(each(X)) for each in models) / 2
    combined = averaged(models, [0.5, 0.5], X[:4])
    assert np.asarray(combined(X)) == pytest.approx(expected, abs=1e-6)
