"""Plain data that everything shares: objectives, trials, events, the history of a search.

Rooms exchange frozen dataclasses: `Trial`, `Execution`, `Segment`, `Report` and the events.
Internally everything is minimised; only `objective.py` knows about directions, and
`metrics.py`, for what scripts read of a trial.

`visited.py` knows which points were tried. `build(hp)` asks for one hyperparameter after the other,
and what it asks next depends only on the answers so far, so trials are paths in a tree of
questions. A finished trial is recorded with exactly what it asked for, in that order. So duplicates
are recognised, the grid is complete, and an exhausted space is detected even if `build(hp)` uses
plain Python `if`s and loops.
"""
