import keras
import numpy as np

from kerastune_lite._src.keras.fitting import fast_fit, seconds_per_epoch

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")


def model(units):
    layers = [keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1, "sigmoid")]
    built = keras.Sequential(layers)
    built.compile("adam", "binary_crossentropy")
    return built


def test_training_takes_a_fast_path_and_has_a_history(caplog):
    trained = model(4)
    with caplog.at_level("INFO", "kerastune_lite.training"), fast_fit(trained):
        history = trained.fit(x=X, y=Y, epochs=12, batch_size=8, verbose=0).history
    assert len(history["loss"]) == 12
    assert history["loss"][-1] < history["loss"][0]
    assert "NumPy" in caplog.text


def test_the_order_of_samples_follows_from_the_generator_of_numpy():
    losses = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(5)
        trained = model(4)
        np.random.seed(seed)
        with fast_fit(trained):
            losses.append(trained.fit(x=X, y=Y, batch_size=8, verbose=0).history["loss"])
    assert losses[0] == losses[1] != losses[2]


def test_the_first_epoch_is_not_measured():
    seconds = seconds_per_epoch(model(4), x=X, y=Y, batch_size=8)
    assert 0.0 < seconds < 1.0
