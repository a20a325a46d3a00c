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
# # A Keras classifier in a pipeline
#
# You have a table, a scikit-learn pipeline, and cross-validation. Here a Keras network becomes a
# step of that pipeline, and its hyperparameters are searched the way scikit-learn's own are.
#
# The data are the Wisconsin breast cancer data, shipped with scikit-learn: 569 tumours, 30
# measurements each, malignant or benign. The notebook takes about a minute; it needs `pip install
# ".[notebook]"` in this repository.

# %%
import keras
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite.sklearn import KerasClassifier, TunerSearchCV

# %% tags=["parameters"]
trials, epochs, splits = 16, 20, 5  # points to try, epochs of each network, folds

# %% [markdown]
# Labels may be texts; scores and predictions will be in those words. A quarter of the data is put
# aside for the end.

# %%
cancer = load_breast_cancer(as_frame=True)
names = cancer.target.map({0: "malignant", 1: "benign"})
x, x_test, y, y_test = train_test_split(
    cancer.data, names, test_size=0.25, stratify=names, random_state=0
)
folds = StratifiedKFold(splits, shuffle=True, random_state=0)
x.iloc[:3, :5]


# %% [markdown]
# ## The network as an estimator
#
# `build` may take `meta` besides `hp`: what is known of the data, such as the number of columns,
# so that the same function serves any table. Every hyperparameter has a default, and the estimator
# takes it unless it is told otherwise.


# %%
def build(hp, meta):
    model = keras.Sequential([keras.Input((meta["n_features_in_"],))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    units = hp.Int("units", 8, 128, sampling="log", default=32)
    for _ in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(units, activation=activation))
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3)
    model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy")
    return model


net = KerasClassifier(build, epochs=epochs, batch_size=32, random_state=0)

# %% [markdown]
# ## Why a pipeline
#
# Networks want columns of one scale, so a `StandardScaler` goes first. In a pipeline its means are
# those of the samples that the network is trained on, in each fold anew. Scaled beforehand, the
# data of every fold would know something of the samples it is tested on, and the scores would be
# too good.

# %%
pipeline = make_pipeline(StandardScaler(), net)
pipeline.fit(x, y)
pipeline.predict(x_test[:5])

# %% [markdown]
# From here on it is scikit-learn as you know it. Cross-validation of the defaults, beside a plain
# logistic regression: a network has to be better than that to be worth its trouble.

# %%
logistic = make_pipeline(StandardScaler(), LogisticRegression())
scores = pd.DataFrame(
    {
        "logistic regression": cross_val_score(logistic, x, y, cv=folds, scoring="roc_auc"),
        "network, defaults": cross_val_score(pipeline, x, y, cv=folds, scoring="roc_auc"),
    }
)
scores.agg(["mean", "std"]).T.round(4)

# %% [markdown]
# ## GridSearchCV
#
# The network's hyperparameters are parameters of the estimator, as `hp__<name>`, so scikit-learn's
# own search can set them. The lists have to be short: every combination is trained on every fold.

# %%
grid = GridSearchCV(
    pipeline,
    {
        "kerasclassifier__hp__learning_rate": [0.0003, 0.001, 0.003, 0.03],
        "kerasclassifier__hp__units": [16, 64],
        "kerasclassifier__hp__layers": [1, 2],
    },
    scoring="roc_auc",
    cv=folds,
).fit(x, y)
print(f"{grid.best_score_:.4f} with {grid.best_params_}")

# %% [markdown]
# ## TunerSearchCV
#
# It is what `GridSearchCV` is, with this library's proposals. What varies is read off `build(hp)`,
# all of it and on the scales that are written there, so there is no second list to keep. With as
# many trials as the grid had points, all five hyperparameters are searched instead of three.

# %%
search = TunerSearchCV(
    pipeline,
    tuner="bayesian",
    max_trials=trials,
    scoring="roc_auc",
    cv=folds,
    random_state=0,
    verbose=1,
    project_name="tumours",
).fit(x, y)

# %%
print(f"{search.best_score_:.4f} with {search.best_params_}")

# %% [markdown]
# `cv_results_` has scikit-learn's columns. A score is the mean of five folds, and their spread
# says how much to make of a difference between two rows: where it is larger than the difference,
# not much.

# %%
results = pd.DataFrame(search.cv_results_).sort_values("rank_test_score")
results = results.rename(columns=lambda name: name.removeprefix("param_kerasclassifier__hp__"))
columns = ["rank_test_score", "mean_test_score", "std_test_score", "learning_rate", "units"]
results[columns].head(6).round(4)

# %% [markdown]
# ## On samples that no search has seen
#
# Both searches have fitted their best pipeline to all of `x`. This is how good the four are at the
# samples that were put aside:

# %%
logistic.fit(x, y)
models = {
    "logistic regression": logistic,
    "network, defaults": pipeline,
    "network, GridSearchCV": grid.best_estimator_,
    "network, TunerSearchCV": search.best_estimator_,
}
pd.DataFrame(
    {
        name: {
            "roc_auc": search.scorer_(model, x_test, y_test),
            "errors": int((model.predict(x_test) != y_test).sum()),
        }
        for name, model in models.items()
    }
).T.astype({"errors": int}).round(4)

# %% [markdown]
# Of 143 tumours. No network beats the logistic regression here: these data are nearly separable by
# a plane, and differences of a few tumours are chance. That is worth knowing before a network goes
# into production. On your data it may be otherwise, and this table is the way to find out.
#
# ## What else there is
#
# - `tuner="hyperband"` gives few epochs to many trials, and each fold goes on where it stopped.
# - With `directory="runs"` the search is kept: one that was killed goes on with the fold that was
#   under way, TensorBoard shows it, and `kerastune_lite.open_project` reads it.
# - `TunerSearchCV` takes distributions as `RandomizedSearchCV` does, for any estimator.
# - `net.save("net.zip")` keeps an estimator without pickle.
#
# [docs/sklearn.md](../docs/sklearn.md) tells the rest. This notebook is made from
# `03_keras_classifier_in_a_pipeline.py` by `make notebooks`.
