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
# # Hyperband and early stopping
#
# A search trains many networks, and most of them are no good. To train those to the end is where
# nearly all of its time goes. Two remedies, which go together:
#
# - **Early stopping** looks at one training, and ends it when it no longer improves.
# - **Hyperband** compares trainings: many begin, and only the better ones go on.
#
# We measure both in epochs, on scikit-learn's handwritten digits. The notebook takes one or two
# minutes; it needs `pip install ".[notebook,plots]"` in this repository.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

# %% tags=["parameters"]
trials, max_epochs = 33, 27  # of random search; of every search

# %%
images, labels = load_digits(return_X_y=True)
x, x_val, y, y_val = train_test_split(
    np.float32(images / 16), labels, test_size=0.2, stratify=labels, random_state=0
)
data = {"x": x, "y": y, "validation_data": (x_val, y_val)}


# %% [markdown]
# ## A space with many bad networks in it
#
# That is the usual case: who knows beforehand which learning rates are good need not search. Here
# it may be anything from 0.0001, where nothing is learned in time, to 1, where some trainings
# diverge.


# %%
def build(hp):
    model = keras.Sequential([keras.Input((64,))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    for i in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int(f"units_{i}", 32, 256, step=32), activation=activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.SGD(
            hp.Float("learning_rate", 1e-4, 1.0, sampling="log"),
            momentum=hp.Float("momentum", 0.0, 0.99),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    hp.Choice("batch_size", [32, 64, 128])
    return model


where = {"seed": 1, "directory": "runs", "overwrite": True}

# %% [markdown]
# ## The baseline: every network in full
#
# The objective is `val_loss` here, not `val_accuracy`: on 360 images many networks have the same
# accuracy, and the loss still tells them apart.

# %%
full = kt.RandomSearch(build, "val_loss", max_trials=trials, project_name="full", **where)
full.search(**data, epochs=max_epochs)

# %% [markdown]
# What did we pay for? Each line is a network; the best is drawn bold, and those that diverge are
# above the picture.

# %%
best = full.get_best_trials()[0]
figure, axes = plt.subplots(figsize=(7, 3.2))
for trial in full.trials:
    for curves in full.history(trial):
        bold = trial.number == best.number
        epochs = range(1, len(curves["val_loss"]) + 1)
        axes.plot(epochs, curves["val_loss"], lw=3 if bold else 0.8, color="C1" if bold else "C0")
axes.set(xlabel="epoch", ylabel="val_loss", yscale="log", ylim=(0.05, 5))
plt.show()

# %% [markdown]
# Many lines are hopeless after a few epochs, and stay so. How well do the first epochs foretell
# the last? The rank correlation says: 1 means the same order, 0 no relation.

# %%
losses = pd.DataFrame(
    {trial.number: full.history(trial)[0]["val_loss"] for trial in full.get_best_trials(trials)}
)
early = [epoch for epoch in (1, 3, 9) if epoch < max_epochs]
pd.Series(
    {f"epoch {epoch}": spearmanr(losses.iloc[epoch - 1], losses.iloc[-1])[0] for epoch in early},
    name=f"rank correlation with epoch {max_epochs}",
).round(2).to_frame()

# %% [markdown]
# So a short look is enough to tell the hopeless from the others, though not to pick the winner
# among the good. Both remedies live on this.
#
# ## Early stopping
#
# The same networks with the same seeds; now each training ends when its validation loss has not
# improved for three epochs. A trial counts with its best epoch, and the weights of that epoch are
# kept, so there is no need for `restore_best_weights`.

# %%
stopped = kt.RandomSearch(build, "val_loss", max_trials=trials, project_name="stopped", **where)
stopped.search(**data, epochs=max_epochs, callbacks=[keras.callbacks.EarlyStopping(patience=3)])

# %% [markdown]
# It saves what comes after the best epoch, at a price: a training that would have improved again
# after a pause is over, and a larger `patience` asks for more epochs. What early stopping cannot
# see is that a network which still improves, slowly, will never be among the best.
#
# ## Hyperband
#
# Hyperband (Li et al., 2018) can, since it compares. Its plan is fixed by `max_epochs` and
# `factor`:

# %%
hyperband = kt.Hyperband(
    build, "val_loss", max_epochs=max_epochs, factor=3, project_name="hyperband", **where
)
print(hyperband.scheduler.describe())

# %% [markdown]
# How to read it:
#
# - A **rung** is an epoch at which trials are compared. Of those that came so far, one in `factor`
#   goes on to the next rung, which is `factor` times as far.
# - A **bracket** is one such tournament. The first begins with many trials after one epoch: right
#   if the first epochs tell the truth. The last trains a few in full: right if they lie. As nobody
#   knows, all are run.
#
# Trials that go on are not trained again. Weights, the optimizer's state and the order of samples
# are taken up where they were left, as are callbacks, so that early stopping goes with it.

# %%
hyperband.search(**data, callbacks=[keras.callbacks.EarlyStopping(patience=3)])

# %% [markdown]
# How far did the trials of each bracket come?

# %%
pd.crosstab(
    pd.Series([trial.bracket for trial in hyperband.trials], name="bracket"),
    pd.Series([trial.epochs for trial in hyperband.trials], name="epochs trained"),
)

# %% [markdown]
# Numbers other than the rungs' are trials that early stopping ended on the way.
#
# ## BOHB: the same, with a model that proposes
#
# Hyperband draws its trials at random. `kt.BOHB` has the same brackets, and a Gaussian process
# that learns from all rungs proposes the trials.

# %%
bohb = kt.BOHB(build, "val_loss", max_epochs=max_epochs, factor=3, project_name="bohb", **where)
bohb.search(**data, callbacks=[keras.callbacks.EarlyStopping(patience=3)])

# %% [markdown]
# ## What each paid, and what it got


# %%
def account(tuner):
    return {
        "trials": len(tuner.trials),
        "epochs": sum(trial.epochs for trial in tuner.trials),
        "best val_loss": tuner.get_best_trials()[0].score,
    }


searches = {
    "random search": full,
    "random search, early stopping": stopped,
    "Hyperband, early stopping": hyperband,
    "BOHB, early stopping": bohb,
}
pd.DataFrame({name: account(tuner) for name, tuner in searches.items()}).T.astype(
    {"trials": int, "epochs": int}
).round(4)

# %% [markdown]
# With a fraction of the epochs, Hyperband looked at more networks. It draws the same ones as
# random search does with the same seed, so look at the best trials above: if both name the same
# number, they found the same network.
#
# One seed proves little about the last column. [Which search for which
# situation](../docs/choosing.md) has tables over ten seeds and five data sets.
#
# ## When to take what
#
# - Trainings that take long, and whose first epochs say something about the last: `kt.BOHB`.
# - Trainings of a few seconds: `kt.BayesianOptimization` with early stopping. There is little to
#   save.
# - Curves that cross, such as with learning-rate schedules that only pay at the end: train in
#   full, or set `min_epochs`, below which nothing is compared.
#
# `epochs` cannot be a hyperparameter here: how long a trial trains is what Hyperband decides.
#
# This notebook is made from `02_hyperband_and_early_stopping.py` by `make notebooks`.
