"""The table `optimizers` of `search_quality.py`: a surrogate instead of a grid.

Thirteen hyperparameters of a small dense network, some of them under conditions: two optimizers
with rates of their own, and the width of each layer that there is. `make_tables.py` trained a
random sample, and fitted an ensemble of neural networks that predict learning curves from values.
"""

import math

import numpy as np

from kerastune_lite.hyperparameters import Boolean, Choice, Condition, Float, Int, Parameter, Space


def _space():
    def of(optimizer):
        return (Condition("optimizer", (optimizer,)),)

    widths = [
        Parameter(
            f"units_{layer}",
            Int(4, 64, sampling="log"),
            (Condition("layers", tuple(range(layer + 1, 4))),),
        )
        for layer in range(3)
    ]
    return Space(
        [
            Parameter("layers", Int(1, 3)),
            *widths,
            Parameter("activation", Choice(("relu", "tanh", "elu"))),
            Parameter("batch_norm", Boolean()),
            Parameter("dropout", Float(0.0, 0.6)),
            Parameter("l2", Float(1e-6, 1e-1, sampling="log")),
            Parameter("batch_size", Choice((16, 32, 128))),
            Parameter("optimizer", Choice(("sgd", "adam"))),
            Parameter("sgd_rate", Float(1e-3, 1.0, sampling="log"), of("sgd")),
            Parameter("momentum", Float(0.0, 0.97), of("sgd")),
            Parameter("adam_rate", Float(1e-4, 1e-1, sampling="log"), of("adam")),
        ]
    )


OPTIMIZERS = _space()


def encoded(values):
    """A point as numbers: positions in [-1, 1], one-hot choices, 0 for what is not active."""
    numbers = []
    for parameter in OPTIMIZERS:
        name, domain = parameter.name, parameter.domain
        if isinstance(domain, Choice):
            numbers += [float(values[name] == value) for value in domain.values]
        else:
            numbers.append(2.0 * domain.to_unit(values[name]) - 1.0 if name in values else 0.0)
        if parameter.conditions:
            numbers.append(float(name in values))
    return np.array(numbers)


def predicted(nets, x):
    """The mean over an ensemble of networks, each a list of (kernel, bias), `(n, outputs)`."""
    outputs = []
    for *hidden, (last, last_bias) in nets:
        h = x
        for kernel, bias in hidden:
            h = np.tanh(h @ kernel + bias)
        outputs.append(h @ last + last_bias)
    return np.mean(outputs, axis=0)


class Measured:
    """What tables have in common: no noise, and how regret is told.

    They have the `best` and the `median` loss, and where accuracies are known those of these.
    """

    noise = 0.0

    def loss(self, values, rng):
        return self.true_loss(values)

    def regret(self, loss):
        """0 for the best, 1 for the median, by logarithms: losses span orders of magnitude."""
        return math.log(loss / self.best) / math.log(self.median / self.best)

    def regret_of_accuracy(self, accuracy):
        """0 for the best, 1 for the median, by the share of right samples itself."""
        return (self.best_accuracy - accuracy) / (self.best_accuracy - self.median_accuracy)


class Surrogate(Measured):
    """Trainings that an ensemble of neural networks predicts; they never diverge.

    The file holds, for each layer, kernels and biases of all networks of the ensemble, `(networks,
    inputs, outputs)` and `(networks, outputs)`; the mean and the scale of the outputs, which are
    the log losses and then the accuracies after each epoch; the least and the median of the losses
    of the best epochs of points, and the same of accuracies; and how many samples validate.
    """

    noise = 0.0
    has_accuracy = True
    space = OPTIMIZERS

    def __init__(self, path):
        self.name = path.stem.removesuffix("_surrogate")
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        layers = sum(name.startswith("kernel") for name in arrays)
        stacks = [(arrays[f"kernel_{i}"], arrays[f"bias_{i}"]) for i in range(layers)]
        networks = range(len(stacks[0][0]))
        self._nets = [[(kernels[i], biases[i]) for kernels, biases in stacks] for i in networks]
        self._mean, self._scale = arrays["mean"], arrays["scale"]
        self._samples, self.epochs = int(arrays["samples"]), len(self._mean) // 2
        self.best, self.median = map(float, arrays["losses"])
        self.best_accuracy, self.median_accuracy = map(float, arrays["accuracies"])

    def _outputs(self, values):
        x = encoded(values)[None]
        return predicted(self._nets, x)[0] * self._scale + self._mean

    def curve(self, values):
        """The losses after each epoch, `(epochs,)`."""
        return np.exp(self._outputs(values)[: self.epochs])

    def accuracies(self, values):
        """The shares of right samples after each epoch, like `curve`."""
        right = np.clip(self._outputs(values)[self.epochs :], 0.0, 1.0) * self._samples
        return np.round(right) / self._samples

    def true_loss(self, values):
        """That of the best epoch."""
        return float(self.curve(values).min())
