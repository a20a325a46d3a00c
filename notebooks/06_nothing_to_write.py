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
# # Nothing to write
#
# A table, a column to predict, and half a minute: that is enough for a network. This notebook
# starts there, and then takes back control step by step: a space of networks that is ready-made,
# and data that has hyperparameters of its own. It takes about a minute, and needs
# `pip install ".[notebook]" statsmodels` in this repository; statsmodels brings the data.
#
# The table is a survey of 944 voters before the election of 1996. Whom do they prefer, given their
# age, education, income, and opinions?

# %%
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from statsmodels.datasets import anes96, sunspots

import kerastune_lite as kt

# %% tags=["parameters"]
seconds, trials = 25, 12  # to find a network; networks to try in each of the other searches

# %%
voters = anes96.load_pandas().data.drop(columns="logpopul")
degrees = ["strong Democrat", "weak Democrat", "leaning Democrat", "independent"]
degrees += ["leaning Republican", "weak Republican", "strong Republican"]
voters["PID"] = voters["PID"].map(dict(enumerate(degrees)))
voters["PID"] = voters["PID"].astype("category")
vote = voters.pop("vote").map({0.0: "Clinton", 1.0: "Dole"}).to_numpy(dtype=str)
x, x_test, y, y_test = train_test_split(voters, vote, test_size=0.25, stratify=vote, random_state=0)
x.head(3)

# %% [markdown]
# ## One call
#
# `kt.tune` looks at the data, sets rows aside to validate on, encodes the columns, and tries
# simple models first: a network that is no better than these is not worth having. Then it searches
# until the time is over, and averages the best networks if that is better than the best one.

# %%
result = kt.tune(x, y, time_limit=seconds, seed=1)
result

# %% [markdown]
# The report says what it took the data for, and what it did. If it took something for what it is
# not, an argument says what it is: `kind` of the samples, `task` of the targets; the type of a
# column is that of the data frame.

# %%
print(result.report())

# %% [markdown]
# `predict` takes rows as they come, with categories, gaps, and columns in any order. Here are some
# voters whom the search has never seen, and gradient boosting beside, which is hard to beat on
# tables.

# %%
boosting = HistGradientBoostingClassifier(random_state=0).fit(x, y)
print(f"kt.tune                    {np.mean(result.predict(x_test) == y_test):.3f}")
print(f"gradient boosting          {boosting.score(x_test, y_test):.3f}")
print(f"always the more frequent   {np.mean(y_test == 'Clinton'):.3f}")

# %% [markdown]
# It is kept as one file, which holds the network and what was learned of the columns, and is read
# without running code that it might contain.

# %%
Path("runs").mkdir(exist_ok=True)
result.save("runs/voters.zip")
again = kt.TuneResult.load("runs/voters.zip")
again.predict_proba(x_test)[:2].round(3), again.classes

# %% [markdown]
# The search itself is a search like all others: `result.tuner` has its trials, plots and
# importances ([04_reading_the_results](04_reading_the_results.ipynb)). And in a pipeline of
# scikit-learn, or where one has a cross-validation, `kt.AutoClassifier` and `kt.AutoRegressor` do
# the same as estimators.

# %%
result.tuner.get_best_trials()[0]

# %% [markdown]
# ## A ready-made space, and your own search
#
# `HyperMLP`, `HyperCNN`, `HyperRNN` and `HyperText` are the spaces that `tune` uses: for tables of
# numbers, images, series and texts. They are made from the training data, since its size and range
# say which networks and batches are sensible. What they return is a hypermodel for any tuner, and
# the choice of tuner, objective, budget and workers is yours.

# %%
from sklearn.datasets import load_breast_cancer

from kerastune_lite.applications import HyperMLP

cells, benign = load_breast_cancer(return_X_y=True)
c, c_val, b, b_val = train_test_split(cells, benign, test_size=0.3, stratify=benign, random_state=0)

tuner = kt.BayesianOptimization(
    HyperMLP(c, b, epochs=20),
    objective="val_loss",
    max_trials=trials,
    seed=1,
    directory="runs",
    project_name="cells",
    overwrite=True,
)
tuner.search(c, b, validation_data=(c_val, b_val))

# %% [markdown]
# Nothing was scaled here, although areas are in the hundreds and smoothness is about 0.1: scaling
# is a layer of the network, and so is a part of what you save and deploy.
#
# ## Data with hyperparameters
#
# Often the question is not which network, but which data. How many past years does one need to
# forecast the sunspots of the next? `search(data=...)` takes a function of `hp` that makes the
# data. It runs before `build`, which sees what it declared: `hp["window"]`. What it returns is
# kept, and made only once for each window.

# %%
series = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(dtype="float32")
LONGEST = 24
training, validation, test = range(LONGEST, 200), range(200, 255), range(255, len(series))


def windows(length, years):
    return np.stack([series[year - length : year] for year in years]), series[years]


def make_data(hp):
    length = hp.Int("window", 2, LONGEST, step=2)
    # The years are the same for all windows: otherwise their scores could not be compared.
    return *windows(length, training), windows(length, validation)


def build(hp):
    import keras

    # From the training years only: the network must not know how high later ones are.
    mean, deviation = series[: training.stop].mean(), series[: training.stop].std()
    model = keras.Sequential(
        [
            keras.Input((hp["window"],)),
            keras.layers.Rescaling(1 / deviation, -mean / deviation),
            keras.layers.Dense(hp.Int("units", 4, 32, sampling="log"), activation="relu"),
            keras.layers.Dense(1),
            keras.layers.Rescaling(deviation, mean),
        ]
    )
    rate = hp.Float("learning_rate", 1e-3, 3e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), loss="mse", metrics=["mae"])
    return model


forecaster = kt.BayesianOptimization(
    build,
    objective="val_mae",
    max_trials=trials,
    seed=1,
    directory="runs",
    project_name="sunspots",
    overwrite=True,
)
forecaster.search(data=make_data, epochs=60, batch_size=16)

# %% [markdown]
# Two more rules, which the tuner cannot check for you, are in the comments above: what is learned
# from data (a mean, a vocabulary) is learned from the training part, and all windows are scored on
# the same years. [docs/tuned_data.md](../docs/tuned_data.md) has the rest.
#
# On the last years, which no trial has seen, with the window of each trial:


# %%
def last_years(hp):
    return windows(hp["window"], test)


print(forecaster.evaluate_best(data=last_years, top=3))
print(f"as many as in the year before: {np.abs(np.diff(series)[np.array(test) - 1]).mean():.1f}")

# %% [markdown]
# The examples `tabular.py`, `time_series.py`, `images.py` and `text.py` in
# [examples](../docs/examples.md) are scripts for each kind of data. This notebook is made from
# `06_nothing_to_write.py` by `make notebooks`.
