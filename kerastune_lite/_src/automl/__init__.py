"""A model from data alone: what the data is, how it is encoded, what is tried, what is kept.

looking.py targets.py             what x and y are, and why; labels as numbers
columns.py tables.py              tables as arrays of numbers
inputs.py                         the same for images, series and texts
splitting.py rows.py scoring.py   which rows validate, and how predictions are judged
baselines.py                      what simple models reach
searching.py pacing.py clock.py   the search for networks, within a time
choosing.py                       which networks are averaged
learning.py reporting.py          all of it in order, and the account of it
estimators.py tune.py saving.py   what users call
"""
