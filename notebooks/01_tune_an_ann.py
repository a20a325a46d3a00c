# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Tune a neural network
#
# How many layers, how wide, which activation, which learning rate, momentum, batch size, and how
# many epochs? We write the network once, leave those open, and let a search find them. The data
# are scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels, shipped with the package.
#
# This file is made from `01_tune_an_ann.py` by `make notebooks`.

# %%
import os

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

trials = int(os.environ.get("TRIALS", 15))

images, labels = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(
    np.float32(images / 16), labels, test_size=0.2, stratify=labels, random_state=0
)


# %% [markdown]
# ## The network, with its open questions
#
# Every `hp.` is a question: a name, and the values that may answer it. A plain Python loop over
# the number of layers is fine. `batch_size` and `epochs` go to `model.fit` by their names.


# %%
def build(hp):
    import keras

    model = keras.Sequential([keras.Input((64,))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    for i in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int(f"units_{i}", 32, 256, step=32), activation=activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.SGD(
            hp.Float("learning_rate", 1e-3, 1e-1, sampling="log"),
            momentum=hp.Float("momentum", 0.0, 0.95),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    hp.Choice("batch_size", [32, 64, 128])
    hp.Int("epochs", 5, 30)
    return model


# %%
tuner = kt.RandomSearch(
    build,
    objective="val_accuracy",
    max_trials=trials,
    seed=1,
    directory="runs",
    project_name="notebook",
    overwrite=True,
)
tuner.search_space_summary()

# %% [markdown]
# `units_1` and `units_2` are not there yet: the first build had one layer. They join the space in
# the first trial that asks for them.
#
# ## The search
#
# Press stop whenever you like: what was finished is kept, and running the cell again goes on.

# %%
import keras

tuner.search(
    x,
    y,
    validation_split=0.2,
    callbacks=[keras.callbacks.EarlyStopping(patience=3)],
)

# %% [markdown]
# ## The results

# %%
best = tuner.get_best_hyperparameters()[0]
best.values

# %%
model = tuner.get_best_models()[0]
_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"Accuracy on {len(x_test)} digits that the search never saw: {accuracy:.3f}")

# %% [markdown]
# All trials as a table, and the learning curve of the best one:

# %%
tuner.to_dataframe()[["trial", "status", "score", "best_step", "hp_layers", "hp_learning_rate"]]

# %%
(curves,) = tuner.history(tuner.get_best_trials()[0])
[round(value, 3) for value in curves["val_accuracy"]]

# %% [markdown]
# They are in TensorBoard as well, under HPARAMS: `tensorboard --logdir runs/notebook/tensorboard`
