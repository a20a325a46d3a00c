"""The sample and the surrogate of `make_tables.py optimizers`.

Thirteen hyperparameters, some of which exist under conditions, are too many for a grid. So a
surrogate predicts trainings from those of random points (Eggensperger et al., 2015): neural
networks, as in YAHPO Gym (Pfisterer et al., 2022), because one of the searches that are compared
has a forest as its model and three have a Gaussian process.

A structure (layers, units, activation, optimizer, batch size, batch normalisation) is drawn, and
with it many points that differ in rates, dropout and L2 alone, which can train side by side. The
loss is the cross-entropy without the penalty. Losses are clipped at `WORST`, also those of
trainings that diverge. How well an ensemble predicts a tenth of the structures, without which it
was fitted, is printed and stored as `fit`; the one that is kept is fitted to all.
"""

import tempfile
import warnings

import numpy as np
from make_tables_grids import EPOCHS
from quiet_keras import load_keras
from search_quality_surrogate import OPTIMIZERS, encoded, predicted
from threadpoolctl import threadpool_limits

import kerastune_lite as kt
from kerastune_lite.hyperparameters import Float, Int

STRUCTURES, POINTS = 100, 20
WORST = 10.0
ENSEMBLE = 3
"""Networks that predict."""


def data():
    """Four classes of noisy clusters in twelve dimensions; 600 samples for each purpose."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        1200, 12, n_informative=8, n_redundant=2, n_classes=4, class_sep=1.5, random_state=0
    )
    x = ((x - x[:600].mean(0)) / x[:600].std(0)).astype("float32")
    return (x[:600], y[:600].astype("int32")), (x[600:], y[600:].astype("int32"))


def network(keras, values):
    """A compiled network."""
    layers, l2 = keras.layers, keras.regularizers.L2(values["l2"])
    made = keras.Sequential([keras.Input((12,))])
    for layer in range(values["layers"]):
        made.add(layers.Dense(values[f"units_{layer}"], kernel_regularizer=l2))
        if values["batch_norm"]:
            made.add(layers.BatchNormalization())
        made.add(layers.Activation(values["activation"]))
        made.add(layers.Dropout(values["dropout"]))
    made.add(layers.Dense(4, "softmax"))
    if values["optimizer"] == "sgd":
        optimizer = keras.optimizers.SGD(values["sgd_rate"], momentum=values["momentum"])
    else:
        optimizer = keras.optimizers.Adam(values["adam_rate"])
    crossentropy = keras.metrics.SparseCategoricalCrossentropy(name="crossentropy")
    made.compile(optimizer, "sparse_categorical_crossentropy", metrics=[crossentropy, "accuracy"])
    return made


def sample(structures=STRUCTURES, points=POINTS):
    """Values, log losses and accuracies `(points, epochs)`, and the structure of each."""
    keras = load_keras()
    training, validation = data()
    found, rng = [], np.random.default_rng(0)
    for structure in range(structures):
        drawn = OPTIMIZERS.sample(rng)
        numbers = {p.name: p.domain for p in OPTIMIZERS if isinstance(p.domain, Float)}

        def build(hp, drawn=drawn, numbers=numbers):
            rates = {
                name: hp.Float(name, low.min_value, low.max_value, sampling=low.sampling)
                for name, low in numbers.items()
                if name in drawn
            }
            return network(keras, drawn | rates)

        with tempfile.TemporaryDirectory() as directory:
            tuner = kt.RandomSearch(
                build,
                "val_crossentropy",
                max_trials=points,
                max_consecutive_failed_trials=points,  # trainings may diverge
                seed=structure,
                directory=directory,
            )
            tuner.search(
                *training,
                validation_data=validation,
                epochs=EPOCHS,
                batch_size=drawn["batch_size"],
                verbose=0,
            )
            for number, (history,) in tuner.histories().items():
                values = OPTIMIZERS.complete(drawn | tuner.trials[number].values)
                found.append((values, *_curves(history), structure))
    values, losses, accuracies, structures = zip(*found)
    return values, np.array(losses), np.array(accuracies), np.array(structures)


def _curves(history):
    """Log losses and accuracies of all epochs; from where it diverged the worst ones."""
    losses, accuracies = np.full(EPOCHS, WORST), np.zeros(EPOCHS)
    trained = len(history["val_crossentropy"])
    losses[:trained] = np.nan_to_num(history["val_crossentropy"], nan=WORST)
    accuracies[:trained] = np.where(losses[:trained] < WORST, history["val_accuracy"], 0.25)
    return np.log(np.minimum(losses, WORST)), accuracies


def fitted(x, targets):
    """An ensemble of networks, each a list of (kernel, bias)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    nets = []
    for seed in range(ENSEMBLE):
        net = MLPRegressor(
            hidden_layer_sizes=(96, 96),
            activation="tanh",
            alpha=0.01,
            max_iter=400,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it ends after these passes
            net.fit(x, targets)
        nets.append(list(zip(net.coefs_, net.intercepts_)))
    return nets


def surrogate(structures=STRUCTURES, points=POINTS):
    """What the file of the table holds."""
    drawn = sample(structures, points)
    with threadpool_limits(1):  # quicker for matrices of this size
        return surrogate_of(*drawn)


def surrogate_of(values, logs, accuracies, structure):
    """The same of a sample."""
    x, targets = np.array([encoded(each) for each in values]), np.hstack([logs, accuracies])
    mean, scale = targets.mean(0), targets.std(0) + 1e-9
    targets = (targets - mean) / scale
    count = structure.max() + 1
    held_out = structure >= count - max(count // 10, 1)
    judged = fitted(x[~held_out], targets[~held_out])
    correlations = _rank_correlations(
        (predicted(judged, x[held_out]) * scale + mean), np.hstack([logs, accuracies])[held_out]
    )
    print("rank correlations of loss and accuracy for structures that were held out:", correlations)
    nets = fitted(x, targets)
    arrays = {"mean": mean, "scale": scale, "samples": np.array(600), "fit": correlations}
    for place in range(len(nets[0])):
        arrays[f"kernel_{place}"] = np.array([net[place][0] for net in nets], "float32")
        arrays[f"bias_{place}"] = np.array([net[place][1] for net in nets], "float32")
    return arrays | _landmarks(nets, mean, scale)


def _rank_correlations(predictions, truth):
    """Of the best loss and of the best accuracy of trainings."""
    from scipy.stats import spearmanr

    return np.array(
        [
            spearmanr(best(predictions), best(truth)).statistic
            for best in (
                lambda outputs: outputs[:, :EPOCHS].min(1),
                lambda outputs: outputs[:, EPOCHS:].max(1),
            )
        ]
    )


def _landmarks(nets, mean, scale):
    """The best that a long search of the surrogate finds, and the median of its space."""
    rng = np.random.default_rng(1)

    def outputs(points):
        found = predicted(nets, np.array([encoded(point) for point in points])) * scale + mean
        accuracies = np.round(np.clip(found[:, EPOCHS:], 0.0, 1.0) * 600) / 600
        return found[:, :EPOCHS].min(1), accuracies.max(1)

    points = [OPTIMIZERS.sample(rng) for _ in range(10_000)]
    logs, accuracies = outputs(points)
    median = np.exp(np.median(logs)), np.median(accuracies)
    best = []
    for sign, column in ((1.0, 0), (-1.0, 1)):
        scores = sign * (logs, accuracies)[column]
        leaders = [points[place] for place in np.argsort(scores)[:20]]
        least = float(scores.min())
        for _ in range(40):
            tried = leaders + [_neighbour(point, rng) for point in leaders for _ in range(10)]
            scores = sign * outputs(tried)[column]
            leaders = [tried[place] for place in np.argsort(scores, kind="stable")[:20]]
            least = float(scores.min())
        best.append(sign * least)
    return {
        "losses": np.array([np.exp(best[0]), median[0]]),
        "accuracies": np.array([best[1], median[1]]),
    }


def _neighbour(point, rng):
    """A point some of whose values are others: near ones for numbers."""

    def choose(parameter):
        domain, value = parameter.domain, point.get(parameter.name)
        if value is None or rng.random() < 0.05:
            return domain.sample(rng)
        if rng.random() < 0.6 or not isinstance(domain, (Float, Int)):
            return value
        unit = domain.to_unit(value) + 0.1 * rng.standard_normal()
        return domain.from_unit(float(np.clip(unit, 0.0, 1.0)))

    return OPTIMIZERS.walk(choose)
