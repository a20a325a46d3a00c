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
# # Coming from KerasTuner
#
# A script for KerasTuner runs with the import changed. This notebook does that with one, looks at
# what is different afterwards, and at what you can leave out. It takes less than a minute, and
# KerasTuner need not be installed.
#
# ## A script
#
# Here is a search as people write it for KerasTuner: a class with `build`, and a `fit` that tunes
# the batch size. Only the import is changed:
#
# ```diff
# - import keras_tuner as kt
# + import kerastune_lite as kt
# ```

# %%
import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

# %% tags=["parameters"]
max_epochs, trials = 9, 10  # of Hyperband; of the shorter search below

# %%
images, labels = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(
    np.float32(images / 16), labels, test_size=0.2, stratify=labels, random_state=0
)


# %%
class DigitsNet(kt.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((64,))])
        activation = hp.Choice("activation", ["relu", "tanh"])
        for i in range(hp.Int("num_layers", 1, 2)):
            units = hp.Int(f"units_{i}", min_value=32, max_value=256, step=32)
            model.add(keras.layers.Dense(units, activation=activation))
        if hp.Boolean("dropout"):
            model.add(keras.layers.Dropout(hp.Float("rate", 0.1, 0.5)))
        model.add(keras.layers.Dense(10, activation="softmax"))
        rate = hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log")
        model.compile(
            optimizer=keras.optimizers.Adam(rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [32, 64]), **kwargs)


tuner = kt.Hyperband(
    DigitsNet(),
    objective="val_accuracy",
    max_epochs=max_epochs,
    factor=3,
    seed=1,
    directory="runs",
    project_name="intro_to_kt",
    overwrite=True,
)
tuner.search_space_summary()

# %%
tuner.search(
    x, y, validation_split=0.2, callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=3)]
)

# %% [markdown]
# Instead of pages of log there is one block. What comes after a search runs as it did:
# hyperparameters are read, the model is built and trained again, or taken as it was.

# %%
best_hps = tuner.get_best_hyperparameters(num_trials=1)[0]
print(f"{best_hps.get('units_0')} units in the first layer, learning rate {best_hps.get('lr'):.4f}")

model = tuner.hypermodel.build(best_hps)
history = model.fit(x, y, epochs=5, validation_split=0.2, verbose=0)
print(f"trained again: val_accuracy {max(history.history['val_accuracy']):.3f}")

model = tuner.get_best_models(num_models=1)[0]
print(f"as it was: accuracy {model.evaluate(x_test, y_test, verbose=0)[1]:.3f} on test data")

# %% [markdown]
# ## What is different now
#
# - **Hyperband.** In KerasTuner a trial that goes on is a new one, which loads the weights of the
#   old one's best epoch. Here it is the same trial: weights, the optimizer's state and callbacks
#   go on from where they were.
# - **Spaces that grow.** `units_1`, `rate` and `batch_size` are not asked for by the first
#   network, so the table above lacks them. They join when they are first met. Each trial is
#   recorded with what it asked for, so that no network is trained twice.
# - **On disk** there is one SQLite file in place of a folder per trial, and the weights of the ten
#   best trials (`keep_checkpoints`) in place of all. TensorBoard logs are written without a
#   callback.
# - **Stopping.** Ctrl-C or the notebook's stop button ends the search, and `search()` returns. Run
#   it again and it goes on, as it does after a crash.
# - **Results.** `trial.metrics` is a dict of numbers; the curves are in `tuner.history(trial)`,
#   and `tuner.to_dataframe()` has all trials.
# - **Training.** Every trial takes the fastest path that gives the result of `model.fit`, or
#   `model.fit` itself ([docs/training.md](../docs/training.md)).
#
# The path that each trial took stands at the end of the summary:

# %%
tuner.results_summary(num_trials=3)

# %% [markdown]
# ## What can be left out
#
# The class was there for one line, the batch size. Here a hyperparameter named `batch_size` or
# `epochs` goes to `model.fit` by itself, so a function is enough. And where KerasTuner's Hyperband
# draws at random, `kt.BOHB` proposes from what it has seen; for full trainings that is
# `kt.BayesianOptimization`.


# %%
def build(hp):
    hp.Choice("batch_size", [32, 64])
    return DigitsNet().build(hp)


shorter = kt.BayesianOptimization(
    build,
    "val_accuracy",
    max_trials=trials,
    seed=1,
    directory="runs",
    project_name="shorter",
    overwrite=True,
)
shorter.search(
    x,
    y,
    epochs=max_epochs,
    validation_split=0.2,
    callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=3)],
)

# %% [markdown]
# Where you pass `batch_size` or `epochs` to `search()` as well, that counts, as in KerasTuner, and
# a warning says that the hyperparameter of the name has no effect.

# %% [markdown]
# ## Your own training loop
#
# `run_trial` is overridden as in KerasTuner, and returns a number, a dict of metrics or a History.
# With no Keras in it, it tunes anything.


# %%
class Valley(kt.RandomSearch):
    def run_trial(self, trial):
        hp = trial.hyperparameters
        a, b = hp.Float("a", -2, 2), hp.Float("b", -1, 3)
        return (1 - a) ** 2 + 100 * (b - a * a) ** 2


valley = Valley(max_trials=200, seed=1, directory="runs", project_name="valley", overwrite=True)
valley.search(verbose=0)
valley.get_best_trials()[0]

# %% [markdown]
# `kt.tune_function` does the same for a plain function, without a class.
#
# ## What does not carry over
#
# - **A search does not go on in a folder that KerasTuner wrote.** `kt.open_project(folder)` reads
#   it, and `tuner.enqueue(hp)` has one of its best points tried first in a new search.
# - **Chief and workers** by environment variables: call `search(workers="auto")` instead.
# - **The points of a seed** are other ones.
# - **KerasTuner's files** (`oracle.json`, `trial.json`) are written only by
#   `kerastune export --keras-tuner`.
#
# [docs/migrating.md](../docs/migrating.md) has the whole list, and `kerastune migrate` says which
# lines of a script it concerns.
#
# This notebook is made from `05_from_keras_tuner.py` by `make notebooks`.
