"""Tunes how far a network looks back: the carbon dioxide above Mauna Loa, a month ahead.

    python examples/time_series.py [--trials 30] [--directory runs]

The series (statsmodels ships it) rises from year to year and swings with the seasons. Two questions
are about the data, not the network: how many past months does it need, and is it easier to learn
the level, the change since the last month, or the change since the same month a year ago? Both are
hyperparameters here, next to the units and the learning rate. It takes less than a minute, and
needs `pip install statsmodels`.
"""

import argparse

import numpy as np
from statsmodels.datasets import co2

import kerastune_lite as kt

WINDOWS = (6, 36)  # months: what is tuned, from and to
LAGS = (0, 1, 12)  # months: learn the level, the change in a month, the change in a year
EARLIEST = WINDOWS[1] + LAGS[-1]  # the first month that every window and lag can forecast
TEST, VALIDATION = 60, 60  # months: the last five years, and the five before them


def monthly():
    """Means of months in parts per million, `(526,)`; five without measurements are filled in."""
    weekly = co2.load_pandas().data["co2"]
    # With the month before: a mean of both neighbours would tell the one that is to be forecast.
    return weekly.resample("MS").mean().ffill().to_numpy()


VALUES = monthly()
MONTHS = len(VALUES)
TRAINING = slice(EARLIEST, MONTHS - VALIDATION - TEST)
VALIDATING = slice(TRAINING.stop, MONTHS - TEST)
TESTING = slice(VALIDATING.stop, MONTHS)


def changes(lag):
    """What is learned, for each month; there is none for the first `lag` months."""
    if lag == 0:
        return VALUES
    return np.concatenate([np.full(lag, np.nan), VALUES[lag:] - VALUES[:-lag]])


def forecasts(window, lag, months):
    """For each of `months` the changes of the `window` months before, and its own.

    The months do not depend on window and lag. If they did, a long window would be scored on fewer
    and other months than a short one, and the scores could not be compared.
    """
    series = changes(lag).astype("float32")
    x = np.stack([series[month - window : month] for month in range(months.start, months.stop)])
    return x, series[months]


def make_data(hp):
    window = hp.Int("window", *WINDOWS, step=6)
    lag = hp.Choice("lag", list(LAGS))
    x, y = forecasts(window, lag, TRAINING)
    return x, y, forecasts(window, lag, VALIDATING)


def test_data(hp):
    return forecasts(hp["window"], hp["lag"], TESTING)


def build(hp):
    import keras

    # Scaling is learned, too, so it looks at nothing after the training months. From all months it
    # would tell the network how high the series is going to rise.
    known = changes(hp["lag"])[EARLIEST - WINDOWS[1] : TRAINING.stop]
    mean, deviation = float(known.mean()), float(known.std())

    model = keras.Sequential([keras.Input((hp["window"],))])
    model.add(keras.layers.Rescaling(1 / deviation, -mean / deviation))
    for i in range(hp.Int("layers", 0, 2)):  # none: a linear model, a good one for many series
        units = hp.Int(f"units_{i}", 8, 64, sampling="log")
        model.add(keras.layers.Dense(units, activation="relu"))
    model.add(keras.layers.Dense(1))
    # Back to parts per million. An error in a change is the same error in the level, so the scores
    # of all lags have one unit.
    model.add(keras.layers.Rescaling(deviation, mean))
    rate = hp.Float("learning_rate", 1e-3, 3e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), loss="mse", metrics=["mae"])
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30, help="in all, earlier runs included")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()

    tuner = kt.BayesianOptimization(
        build,
        objective="val_mae",
        max_trials=arguments.trials,
        seed=1,
        directory=arguments.directory,
        project_name="time_series",
    )
    import keras

    stopping = keras.callbacks.EarlyStopping("val_mae", patience=15)
    tuner.search(data=make_data, epochs=150, batch_size=32, callbacks=[stopping])

    best = tuner.get_best_hyperparameters()[0]
    learned = {0: "the level", 1: "the change in a month", 12: "the change in a year"}
    print(f"The best looks back {best['window']} months, and learns {learned[best['lag']]}.")

    print(f"Mean absolute errors on the last {TEST} months, in parts per million:")
    x, y = test_data(best)
    error = tuner.get_best_models()[0].evaluate(x, y, verbose=0, return_dict=True)["mae"]
    for name, lag in (("as a month ago", 1), ("as a year ago", 12)):
        print(f"  {name:26} {np.abs(changes(lag)[TESTING]).mean():.3f}")
    # A year ago and what the last year has added, known a month before.
    drifting = changes(12)[TESTING] - changes(12)[TESTING.start - 1 : TESTING.stop - 1]
    print(f"  {'a year ago, and the rise':26} {np.abs(drifting).mean():.3f}")
    print(f"  {'the best network':26} {error:.3f}")


if __name__ == "__main__":
    main()
