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
# How many layers, how wide, which activation, which learning rate, momentum and batch size, and
# for how many epochs? We write the network once, leave those questions open, and let a search
# answer them. At the end we have a trained model, and a record of every trial.
#
# The data are scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels, shipped with the
# package. Nothing is downloaded, and the notebook runs in about a minute on a laptop. It needs
# `pip install ".[notebook]"` in this repository.

# %%
import keras
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

# %% tags=["parameters"]
trials = 20  # networks to train

# %% [markdown]
# ## The data, in two parts
#
# A fifth is put aside for the very end. A search looks at its validation data many times, and
# picks what does best there; that score is therefore a little too good. Only data that the search
# never saw tell how good the model is.

# %%
images, labels = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(
    np.float32(images / 16), labels, test_size=0.2, stratify=labels, random_state=0
)
x.shape, x_test.shape


# %% [markdown]
# ## The network, with its open questions
#
# Every `hp.` is a question: a name, and the values that may answer it.
#
# - A plain Python loop over the number of layers is fine: a network with one layer has no
#   `units_1`, and the search knows that.
# - Learning rates are searched on a logarithmic scale: from 0.001 to 0.01 is as far as from 0.01
#   to 0.1. The range is wide on purpose. If the best value comes out at the end of a range, widen
#   it.
# - `batch_size` and `epochs` are not used here. `model.fit` gets them by their names.


# %%
def build(hp):
    model = keras.Sequential([keras.Input((64,))])
    activation = hp.Choice("activation", ["relu", "tanh"])
    for i in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Int(f"units_{i}", 32, 256, step=32), activation=activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.SGD(
            hp.Float("learning_rate", 1e-3, 1.0, sampling="log"),
            momentum=hp.Float("momentum", 0.0, 0.95),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    hp.Choice("batch_size", [32, 64, 128])
    hp.Int("epochs", 5, 30)
    return model


# %% [markdown]
# ## The tuner
#
# It takes the function, what to optimise, and how many networks it may train.
# `BayesianOptimization` is the one to begin with. It tries the middle first (of all ranges that you
# gave no `default`), then points spread over the space; from then on it asks a model of what it has
# seen where to look next.

# %%
tuner = kt.BayesianOptimization(
    build,
    objective="val_accuracy",
    max_trials=trials,
    seed=2,
    directory="runs",
    project_name="digits",
    overwrite=True,  # begin anew each time; leave it out to go on where the last search stopped
)
tuner.space

# %% [markdown]
# `units_1` and `units_2` are not in the table yet, because the network that was built to read it
# had one layer. They join the space in the first trial that asks for them.
#
# ## The search
#
# `search` takes what `model.fit` takes. `EarlyStopping` ends a training that no longer improves;
# whether or not it does, each trial counts with its best epoch, and the weights of that epoch are
# kept.
#
# Press stop whenever you like: what was finished is kept, and running this cell again goes on.

# %%
tuner.search(
    x,
    y,
    validation_split=0.2,
    callbacks=[keras.callbacks.EarlyStopping(patience=3)],
)

# %% [markdown]
# The bar fills, the curve shows each trial as a dot and the best so far as a line, and the table
# holds the five best. It is one output, updated in place.
#
# ## What was found

# %%
tuner.get_best_hyperparameters()[0]

# %% [markdown]
# The model is there as well, with the weights of its best epoch. How good is it on the digits that
# the search never saw? A little less good than on those by which it was picked: that is why they
# were put aside.

# %%
model = tuner.get_best_models()[0]
_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"{accuracy:.1%} of {len(x_test)} digits are right")

# %% [markdown]
# It is an ordinary Keras model: `model.save("digits.keras")`, `model.predict(...)`.
#
# ## What happened on the way
#
# Every trial is a row of a data frame; these are the first eight, and some of the columns. Where a
# hyperparameter does not apply, such as the third layer of a network that has one, the table says
# NaN.

# %%
table = tuner.to_dataframe()
table.filter(regex="trial|score|seconds|hp_(activation|layers|units|learning)").head(8)

# %% [markdown]
# And every epoch is kept, of every trial. The learning curve of the best one:

# %%
curves = pd.DataFrame(tuner.history(tuner.get_best_trials()[0])[0])
curves.index = pd.RangeIndex(1, len(curves) + 1, name="epoch")
curves.iloc[:: max(len(curves) // 6, 1)].round(3)

# %% [markdown]
# ## The final model
#
# The search held a fifth of its data back for validation. Now that the questions are answered, the
# best network (that is what `None` stands for) may learn from all of them, for as many epochs as
# served it best. More data seldom hurt; but do not read much into a difference of a few digits in
# 360, which is chance.

# %%
final = tuner.retrain(None, x, y, verbose=0)
_, accuracy = final.evaluate(x_test, y_test, verbose=0)
print(f"{accuracy:.1%} of {len(x_test)} digits are right")

# %% [markdown]
# ## What next
#
# - Nothing is lost when the notebook is closed: `kt.open_project("runs/digits")` reads the search
#   again, from any process, even while it runs.
# - To search for longer, raise `trials`, leave `overwrite` out, and run the notebook again: it
#   goes on after the last trial.
# - [02](02_hyperband_and_early_stopping.ipynb) spends the epochs where they pay,
#   [03](03_keras_classifier_in_a_pipeline.ipynb) brings scikit-learn's pipelines and
#   cross-validation, [04](04_reading_the_results.ipynb) shows plots and TensorBoard, and
#   [05](05_from_keras_tuner.ipynb) is for those who come from KerasTuner.
#
# This notebook is made from `01_tune_an_ann.py` by `make notebooks`.
