"""HyperMLP: its layers, and that the first trial is good."""

import numpy as np
import pytest
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kerastune_lite as kt
from kerastune_lite.applications import HyperMLP
from tests.keras.applications.ready_made import SAMPLES, TARGETS, made
from tests.keras.models import keras


def built(**values):
    return made(HyperMLP, "binary").build(kt.HyperParameters(values=values))


def kinds_of(model):
    return [type(layer).__name__ for layer in model.layers]


def test_the_layers():
    block = ["Dense", "BatchNormalization", "Activation", "Dropout"]
    model = built(layers=2, batch_norm=True, clip=False, activation="selu", units=32)
    assert kinds_of(model) == ["InputLayer", "Rescaling", *block, *block, "Dense"]
    assert model.layers[4].activation is keras.activations.selu
    assert model.layers[2].units == 32


def test_outliers_are_clipped():
    model = built()
    clipping = ["Rescaling", "Activation", "Rescaling"]
    assert kinds_of(model)[:5] == ["InputLayer", "Rescaling", *clipping]
    clipped = keras.Model(model.input, model.layers[4].output)
    x = SAMPLES[HyperMLP].copy()
    x[0, :3] = 1e6
    y = clipped.predict(x, verbose=0)
    np.testing.assert_allclose(y[0, :3], 3, rtol=1e-3)
    np.testing.assert_allclose(y[:, 3], 0, atol=1e-6)  # a constant feature
    assert np.abs(y).max() <= 3


def test_few_samples_have_small_networks_and_batches():
    defaults = {}
    for rows in (50, 500, 50_000):
        hp = kt.HyperParameters()
        x = np.random.default_rng(0).normal(size=(rows, 3))
        HyperMLP(x, x[:, 0]).build(hp)
        defaults[rows] = (hp.get("units"), hp.get("batch_size"))
    assert defaults == {50: (64, 16), 500: (128, 16), 50_000: (256, 256)}


def test_numbers_train_in_their_own_unit():
    """The same network predicts y and 1000 y + 5: its errors differ by the factor."""
    x, y = SAMPLES[HyperMLP], TARGETS["numbers"]
    predictions = []
    for targets in (y, 1000 * y + 5):
        keras.utils.set_random_seed(0)
        model = HyperMLP(x, targets).build(kt.HyperParameters(values={"dropout": 0.0}))
        model.fit(x, targets, epochs=3, shuffle=False, verbose=0)
        predictions.append(model.predict(x, verbose=0))
    np.testing.assert_allclose(predictions[1], 1000 * predictions[0] + 5, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")  # theirs has not converged
@pytest.mark.parametrize(
    ("load", "margin"),  # in accuracy, or in R2
    [
        (datasets.load_breast_cancer, 0.02),
        (datasets.load_wine, 0.04),
        (datasets.load_digits, 0.02),
        (datasets.load_diabetes, 0.05),
    ],
)
def test_the_first_trial_is_good(load, margin, tmp_path):
    """About as good as scikit-learn's network on scaled features, or better; in the mean of five
    seeds, since one of them may be lucky or not by as much as the margin."""
    x, y = load(return_X_y=True)
    classes = y if y.dtype.kind == "i" else None
    x, x_test, y, y_test = train_test_split(x, y, random_state=0, stratify=classes)
    ours = []
    for seed in range(5):
        folder = tmp_path / str(seed)
        tuner = kt.Tuner(HyperMLP(x, y), "val_loss", max_trials=1, seed=seed, directory=folder)
        tuner.search(x, y, validation_split=0.2, verbose=0)
        (best,) = tuner.get_best_models()
        outputs = tuner.hypermodel.target.predicted(best.predict(x_test, verbose=0))
        if classes is None:
            ours.append(1 - np.mean((outputs - y_test) ** 2) / np.var(y_test))
        else:
            ours.append(np.mean(outputs == y_test))
    kind = MLPRegressor if classes is None else MLPClassifier
    theirs = make_pipeline(StandardScaler(), kind(max_iter=2000, random_state=0)).fit(x, y)
    assert np.mean(ours) > theirs.score(x_test, y_test) - margin
