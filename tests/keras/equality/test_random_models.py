"""Models that were put together at random."""

import numpy as np
import pytest

from tests.keras.equality.cases import (
    by_fit,
    check_same,
    classes,
    dispatched,
    keras,
    no_programs,
    no_warnings,
)

L, R = keras.layers, keras.regularizers

ACTIVATIONS = ("relu", "tanh", "elu", "selu", "gelu", "swish", "leaky_relu", "softplus")


def optimizers(rng):
    rate = float(10 ** rng.uniform(-3, -1.3))
    common = {
        "clipnorm": [None, float(rng.uniform(0.05, 2))][rng.integers(2)],
        "weight_decay": [None, float(rng.uniform(0.001, 0.1))][rng.integers(2)],
        "use_ema": bool(rng.integers(4) == 0),
    }
    o = keras.optimizers
    kinds = (
        lambda: o.SGD(rate, momentum=float(rng.uniform(0, 0.95)), nesterov=True, **common),
        lambda: o.SGD(rate, **common),
        lambda: o.Adam(rate, beta_1=float(rng.uniform(0.5, 0.95)), **common),
        lambda: o.RMSprop(rate / 3, rho=float(rng.uniform(0.5, 0.95)), **common),
        lambda: o.Nadam(rate, **common),
        lambda: o.Adagrad(rate, **common),
    )
    return kinds[rng.integers(len(kinds))]()


def regularizer(rng):
    factor = float(10 ** rng.uniform(-4, -2))
    kinds = (None, None, R.L2(factor), R.L1(factor), R.L1L2(factor, factor / 2))
    return kinds[rng.integers(len(kinds))]


def block(rng, rate):
    """Some layers, in a usual order."""
    normalized = bool(rng.integers(2))
    # A bias before BatchNormalization has no gradient but rounding noise.
    yield L.Dense(
        int(rng.integers(1, 20)), use_bias=not normalized, kernel_regularizer=regularizer(rng),
        activity_regularizer=regularizer(rng),
    )  # fmt: skip
    if normalized:
        yield L.BatchNormalization(momentum=float(rng.uniform(0.5, 0.99)))
    yield L.Activation(ACTIVATIONS[rng.integers(len(ACTIVATIONS))])
    if rng.integers(2):
        yield L.Dropout(rate)
    if rng.integers(4) == 0:
        yield L.GaussianNoise(rate)


def random_model(seed, variant):
    """Structures follow from the seed, numbers from the variant, too."""
    rng = np.random.default_rng([seed, variant])
    # The structure is drawn from a generator of its own.
    model = keras.Sequential([keras.Input((6,))])
    for _ in range(int(np.random.default_rng(seed).integers(1, 4))):
        for layer in block(rng, float(rng.uniform(0.05, 0.6))):
            model.add(layer)
    model.add(L.Dense(3, activation="softmax"))
    loss = "sparse_categorical_crossentropy"
    model.compile(
        optimizers(rng), loss=loss, metrics=["accuracy", "sparse_top_k_categorical_accuracy"]
    )
    return model


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_models(seed):
    x, y = classes(120, seed=seed)
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0, 2, 90) if seed % 3 == 0 else None

    def fit(variant):
        return {
            "x": x[:90], "y": y[:90], "sample_weight": weights, "shuffle": False, "verbose": 0,
            "batch_size": int(rng_of(seed, variant).integers(5, 60)), "epochs": 3,
            "validation_data": (x[90:], y[90:]),
        }  # fmt: skip

    with no_programs() as known, no_warnings():
        for variant in range(2):
            # Twice: the program is traced for the one and checked by the other.
            for _ in range(2):
                outcome = dispatched(lambda v: random_model(seed, v), fit, variant)
                assert outcome.path == "shared trace", outcome.reason
            right = by_fit(lambda v: random_model(seed, v), fit, variant)
            check_same(outcome, right, relative=1e-4, absolute=1e-5)
        assert all(each.banned is None for each in known._known.values())


def rng_of(*seed):
    return np.random.default_rng(seed)
