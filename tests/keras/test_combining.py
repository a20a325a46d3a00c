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
