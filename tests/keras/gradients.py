"""Trainings with continuous hyperparameters, for the tests of gradients."""

from pathlib import Path

import numpy as np

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.keras import automatic_names, session
from kerastune_lite._src.keras.building import ModelFactory
from kerastune_lite._src.keras.fast.dispatcher import Dispatcher
from kerastune_lite._src.keras.fit_arguments import FitArguments
from kerastune_lite._src.keras.hypergradients import Hypergradients
from kerastune_lite._src.keras.hypermodel import get_hypermodel
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.keras.training_spec import TrainingSpec
from kerastune_lite._src.space.reading import read_space
from kerastune_lite.hyperparameters import HyperParameters

load_keras()
import keras  # noqa: E402

SEED = 3
CLASSES = 3


def classes(rows=30, shape=(5,)):
    """Points x (rows, *shape) of three classes, y (rows, 3) one-hot."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, *shape))
    scores = x.reshape(rows, -1)[:, :CLASSES] + 0.5 * rng.normal(size=(rows, CLASSES))
    return x, np.eye(CLASSES)[np.argmax(scores, axis=1)]


def dense(*hidden, shape=(5,), regularizer=None):
    """A classifier with these hidden layers."""
    last = keras.layers.Dense(CLASSES, "softmax", kernel_regularizer=regularizer)
    return keras.Sequential([keras.Input(shape), *hidden, last])


class Training:
    """A training of the models of `build`, in the middle of its space.

    Args:
        data: x and y.
        middle: the position in each domain.
    """

    def __init__(self, build, data=None, objective="val_loss", middle=0.5, callbacks=None, **fit):
        x, y = data or classes()
        fit = {"validation_split": 0.3, "epochs": 3, "batch_size": 8, "shuffle": False, **fit}
        models = ModelFactory(get_hypermodel(build))
        arguments = FitArguments((x, y), fit, overridden=False)
        aim = objective if isinstance(objective, Objective) else Objective(objective, "min")
        self.space = read_space(build)
        self.spec = TrainingSpec(models, aim, arguments, callbacks, Path())
        self.gradients = Hypergradients(self.spec, Dispatcher())
        self.epochs = fit["epochs"]
        self.values = {p.name: p.domain.from_unit(middle) for p in self.space}

    def hp(self, **values):
        return HyperParameters(self.space, {**self.values, **values})

    def check(self):
        self.gradients.check(HyperParameters(self.space))

    def loss(self, **values):
        """The objective after the last epoch of `model.fit` itself."""
        hp = self.hp(**values)
        model = automatic_names.built_from_one(
            lambda: self.spec.models.build(hp), lambda: session.begin(SEED, False)
        )
        args, kwargs = self.spec.fit.for_execution(hp)
        history = model.fit(*args, **kwargs, verbose=0).history
        return history[self.spec.objective.name][-1]

    def gradient(self, seed=SEED, **values):
        """By name, for the loss of the last epoch."""
        found = self.gradients.metrics(self.hp(**values), seed, self.epochs - 1, np.nan)
        return {name.removeprefix("gradient/"): slope for name, slope in found.items()}

    def difference(self, name, step=1e-3):
        """The derivative by one hyperparameter, by finite differences of `model.fit`."""
        (parameter,) = self.space.named(name)
        unit = parameter.domain.to_unit(self.values[name])
        below, above = (
            self.loss(**{name: parameter.domain.from_unit(unit + sign * step)}) for sign in (-1, 1)
        )
        return (above - below) / (2 * step)
