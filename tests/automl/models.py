"""A small space whose networks train in NumPy, for tests of what is around the networks."""

import keras
from keras import layers

import kerastune_lite as kt
from kerastune_lite.applications import Target

KINDS = {"classification": "binary", "multilabel": "labels", "regression": "numbers"}


class Small(kt.HyperModel):
    """Networks with a hidden layer."""

    first_trials = ({},)

    def __init__(self, shape, target, epochs):
        super().__init__()
        self.shape, self.target, self.epochs = shape, target, epochs

    def build(self, hp):
        hp.Fixed("epochs", self.epochs)
        hp.Choice("batch_size", [16, 32])
        inputs = keras.Input(self.shape)
        x = layers.Dense(hp.Int("units", 8, 32, default=16), activation="relu")(inputs)
        model = keras.Model(inputs, self.target.head(x))
        rate = hp.Float("rate", 0.01, 0.05, sampling="log", default=0.02)
        optimizer = keras.optimizers.Adam(rate, epsilon=self.target.epsilon)
        model.compile(optimizer, self.target.loss, metrics=self.target.metrics)
        return model


def small(kind, task, train, classes, epochs):
    """In place of `hypermodel_for`."""
    several = task == "classification" and classes > 2
    given = {"kind": "classes", "classes": classes} if several else {"kind": KINDS[task]}
    return Small(train.x.shape[1:], Target.of(train.y, **given), epochs or 30)
