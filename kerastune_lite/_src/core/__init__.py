"""Plain data that everything shares: objectives, trials, events, the history of a search.

Rooms meet in frozen dataclasses: `Trial`, `Execution`, `Segment`, `Report` and the events. Inside,
everything is minimised; only `objective.py` knows about directions.

`visited.py` says which points were tried. `build(hp)` is a program that asks for hyperparameters
one after the other, and what it asks next depends only on the answers so far, so the trials are
paths in a tree of questions. A finished trial is recorded with exactly what it asked for, in that
order. Without any declaration by the user, duplicates are then recognised through plain Python
`if`s and loops, the grid over such a space is exhaustive, and an exhausted space is known to be
exhausted.
"""
