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
# # Reading the results
#
# A search is over. Which network is best, and how sure is that? Which hyperparameters mattered?
# Was the space right? And how good is the winner on data that nobody has looked at? This notebook
# asks one search all of that, in the order in which one should ask. It takes about a minute, and
# needs `pip install ".[notebook,plots]"` in this repository.

# %%
import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

# %% tags=["parameters"]
trials, epochs = 40, 15  # networks to train, and for how long at most

# %%
images, labels = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(
    np.float32(images / 16), labels, test_size=0.2, stratify=labels, random_state=0
)


def build(hp):
    model = keras.Sequential([keras.Input((64,))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    units = hp.Int("units", 16, 256, step=16)
    for _ in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(units, activation=activation))
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6)))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.Adam(hp.Float("learning_rate", 3e-4, 3e-2, sampling="log")),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    hp.Choice("batch_size", [32, 64, 128])
    return model


# %% [markdown]
# Random search, because its trials are spread over the whole space: that is the best material for
# learning about the space. All of what follows works after any search.
#
# Each network is trained twice, from other first weights (`executions_per_trial`). That is how a
# search learns how much of a score is chance; the score of a trial is the mean.

# %%
tuner = kt.RandomSearch(
    build,
    objective="val_loss",
    max_trials=trials,
    executions_per_trial=2,
    seed=1,
    directory="runs",
    project_name="reading",
    overwrite=True,
)
tuner.search(
    x,
    y,
    epochs=epochs,
    validation_split=0.2,
    callbacks=[keras.callbacks.EarlyStopping(patience=3)],
)

# %% [markdown]
# ## The best trials, and how sure that is
#
# The summary ranks them, with the spread over the two trainings beside the score. Below stands
# what else is worth knowing: whether the best trial stands out from the others, how trials were
# trained, why some failed.

# %%
tuner.results_summary(num_trials=5)

# %% [markdown]
# Everything is in a data frame, too: values, scores, all metrics, times. How far apart are the
# best and the worst?

# %%
table = tuner.to_dataframe()
columns = ["score", "val_accuracy", "seconds", "hp_units", "hp_layers", "hp_learning_rate"]
table[columns].describe().loc[["min", "50%", "max"]].round(4)

# %% [markdown]
# ## Did the search run long enough?
#
# The best so far, trial by trial. Where the line has been level for long, more of the same will
# not help much.
#
# Figures are plotly's in a notebook, where you can point at a trial and see its values. Here they
# are matplotlib's, which are shown on code hosts as well.

# %%
tuner.plot.history(backend="matplotlib")

# %% [markdown]
# ## How did the networks learn?
#
# Each line is a trial, coloured by its final score; the band holds 80 % of them. Lines that still
# fall at the end ask for more epochs, lines that rise for early stopping or a smaller learning
# rate. Here some of the yellow ones, the worst, still fall: they have small learning rates, and
# would need many more epochs.

# %%
tuner.plot.learning_curves(backend="matplotlib")

# %% [markdown]
# ## What mattered?
#
# A forest of trees learns to foretell the score from the values, and the share of the variance
# that each hyperparameter explains is its importance. It holds for the ranges that were searched:
# had the learning rate been fixed at a good value, others would share what it leaves. Below the
# table stands how well the forest knows trials that it has not learned from, which is how far the
# shares can be trusted.

# %%
tuner.importances()

# %%
tuner.plot.importances(backend="matplotlib")

# %% [markdown]
# ## Where are the good values?
#
# The slice shows the score over each hyperparameter. A best region in the middle is what we want
# to see; one at an edge says that the range should have been wider. Here the learning rate is bad
# below 0.001 and about equally good above, and nothing else stands out: the next search may fix
# what does not matter, and spend its trials on a narrower range of what does.

# %%
tuner.plot.slice(["learning_rate", "units", "dropout"], backend="matplotlib")

# %% [markdown]
# Two at a time, as a contour, when the right value of one depends on the other:

# %%
tuner.plot.contour(["learning_rate", "units"], backend="matplotlib")

# %% [markdown]
# All at once is `tuner.plot.parallel_coordinates()`, a line per trial across an axis per
# hyperparameter. It is made for plotly, where a range on an axis is picked with the mouse, and
# says little on paper.
#
# ## How good is it really?
#
# The winner was picked for its score on the validation data, and of many scores the best is partly
# luck. So the last word belongs to data that no trial has seen. Look at them once: who picks again
# by these scores has turned them into validation data. The sentences below the table say what to
# make of it.

# %%
tuner.evaluate_best(x_test, y_test, top=5)

# %% [markdown]
# ## To show to others
#
# One HTML file with all of this, which needs no Python and no connection to be read:

# %%
tuner.report("runs/report.html")

# %% [markdown]
# ## TensorBoard
#
# Every search writes TensorBoard's files while it runs, without a callback. `tuner.tensorboard()`
# starts TensorBoard and shows it below the cell. It is not run here, since a frame cannot be saved
# with a notebook:
#
# ```python
# board = tuner.tensorboard()
# board.url  # for a browser tab of its own
# board.stop()
# ```
#
# In the HParams page a trial is a row, and in its parallel coordinates a line, where ranges are
# picked with the mouse (the picture is of another search):
#
# ![Parallel coordinates in TensorBoard](../docs/images/parallel_coordinates.png)
#
# Time Series has the learning curves, Custom Scalars the search as a whole, Text the best trials:
# [docs/tensorboard.md](../docs/tensorboard.md). From a terminal: `tensorboard --logdir
# runs/reading/tensorboard`.
#
# ## Later, or from elsewhere
#
# None of this needs the session that searched. `kt.open_project` reads a project from its folder,
# even while another process is searching it, and has the same methods.

# %%
kt.open_project("runs/reading")

# %% [markdown]
# [docs/results.md](../docs/results.md) says how far each of these numbers can be believed. This
# notebook is made from `04_reading_the_results.py` by `make notebooks`.
