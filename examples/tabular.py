"""A data frame with numbers, categories, dates and gaps: will a parcel be late?

    python examples/tabular.py [--seconds 30]

`kt.AutoClassifier` takes the frame as it is, and has half a minute: it encodes the columns, tries
networks, and averages the best of them. Gradient boosting from scikit-learn is what one should
compare with, on the same frame; for it, dates have to be turned into numbers first. The parcels are
made up, so the best possible accuracy is known, too. It needs `pip install pandas`.
"""

import argparse

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

CARRIERS = {"Heron": -0.6, "Magpie": 0.2, "Swift": -0.2, "Plover": 0.7}
SERVICES = {"standard": 0.4, "express": -0.8}


def parcels(count=4000):
    """A frame, whether each parcel was late, and the probability of that."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "sent": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 730, count), "D"),
            "carrier": rng.choice(list(CARRIERS), count),
            "service": rng.choice(list(SERVICES), count, p=[0.7, 0.3]),
            "distance": rng.gamma(2.0, 150.0, count).round(),
            "weight": rng.lognormal(0.5, 0.8, count).round(2),
            "items": rng.integers(1, 6, count),
        }
    ).astype({"carrier": "category", "service": "category"})
    season = np.cos(2 * np.pi * (frame["sent"].dt.day_of_year - 355) / 365.25)
    weekend = frame["sent"].dt.day_of_week >= 4
    score = (
        frame["carrier"].map(CARRIERS).astype(float)
        + frame["service"].map(SERVICES).astype(float)
        + 1.2 * season
        + 0.9 * weekend
        + 0.9 * np.log(frame["distance"] / 300)
        + 0.8 * np.tanh(frame["weight"] - 2)
    )
    probability = 1 / (1 + np.exp(-1.5 * score))
    late = np.where(rng.random(count) < probability, "late", "on time")
    for column in ("carrier", "distance", "weight"):
        frame.loc[rng.random(count) < 0.08, column] = np.nan
    return frame, late, probability.to_numpy()


def dates_as_numbers(frame):
    """What boosting needs to be told of a date; `AutoClassifier` finds it itself."""
    sent = frame["sent"].dt
    return frame.drop(columns="sent").assign(
        month=sent.month, weekday=sent.day_of_week, day=sent.day_of_year
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="for the search")
    arguments = parser.parse_args()

    frame, late, probability = parcels()
    x, x_test, y, y_test, _, p_test = train_test_split(
        frame, late, probability, test_size=0.25, stratify=late, random_state=0
    )
    print(x.head(3).to_string(), "\n")

    net = kt.AutoClassifier(time_limit=arguments.seconds, random_state=0, verbose=1)
    net.fit(x, y)  # net.report() is what it says here, as a text

    boosting = HistGradientBoostingClassifier(random_state=0).fit(dates_as_numbers(x), y)
    print(f"On {len(x_test)} parcels that neither has seen:  accuracy  log loss")
    for name, model, features in (
        ("AutoClassifier", net, x_test),
        ("HistGradientBoosting", boosting, dates_as_numbers(x_test)),
    ):
        loss = log_loss(y_test, model.predict_proba(features), labels=model.classes_)
        print(f"  {name:38}{model.score(features, y_test):10.3f}{loss:10.3f}")
    known = np.where(p_test > 0.5, "late", "on time")
    loss = log_loss(y_test, np.column_stack([p_test, 1 - p_test]), labels=["late", "on time"])
    print(f"  {'who knows how they were made':38}{(known == y_test).mean():10.3f}{loss:10.3f}")


if __name__ == "__main__":
    main()
