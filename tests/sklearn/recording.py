"""A callback of scikit-learn that notes what it is told, and searches to compare."""

import json
from collections import Counter

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from kerastune_lite.sklearn import TunerSearchCV
from tests.sklearn.data import blobs

X, Y = blobs()
GRID = {"model__C": [0.1, 1.0]}


class Recorder:
    """Writes each call to a file, from whatever process it comes.

    Args:
        raises_in: the hook that raises, and in which task.
    """

    def __init__(self, file, raises_in=None):
        self.file = file
        self.raises_in = raises_in
        file.write_text("")

    def setup(self, estimator, context):
        self._note("setup", estimator, context)

    def teardown(self, estimator, context):
        self._note("teardown", estimator, context)

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        self._note("begin", estimator, context, X, y, metadata)

    def on_fit_task_end(self, estimator, context, *, X, y, metadata):
        self._note("end", estimator, context, X, y, metadata)

    def _note(self, hook, estimator, context, X=None, y=None, metadata=None):
        tasks, task = [], context
        while task is not None:
            more = (task.max_subtasks, task.sequential_subtasks, task.source_task_name)
            tasks.insert(0, (task.task_name, task.task_id, *more))
            task = task.parent
        data = [None if each is None else np.shape(each) for each in (X, y)]
        weights = None if metadata is None else _total(metadata.get("sample_weight"))
        name = type(estimator).__name__
        with self.file.open("a") as file:
            file.write(json.dumps([hook, name, *data, weights, *tasks]) + "\n")
        if self.raises_in == (hook, context.task_name):
            raise ArithmeticError(f"in {hook}")

    @property
    def calls(self):
        """The calls, as if of GridSearchCV."""
        text = self.file.read_text().replace("TunerSearchCV", "GridSearchCV")
        return [tuple(map(repr, json.loads(line))) for line in text.splitlines()]


def _total(weights):
    return None if weights is None else float(np.sum(weights))


class Deep(Recorder):
    """Is told of estimators inside, too."""

    def __init__(self, file, depth=None):
        super().__init__(file)
        self.max_propagation_depth = depth


def piped(model=None):
    model = LogisticRegression() if model is None else model
    return Pipeline([("scale", StandardScaler()), ("model", model)])


def ours(estimator, grid, **params):
    return TunerSearchCV(estimator, grid, tuner="grid", max_trials=None, cv=3, **params)


def theirs(estimator, grid, **params):
    return GridSearchCV(estimator, grid, cv=3, **params)


def check_balanced(calls):
    """Each task ends once, after it began."""
    begun = [call[1:] for call in calls if call[0] == "'begin'"]
    ended = [call[1:] for call in calls if call[0] == "'end'"]
    tasks = Counter(call[4:] for call in begun)
    assert max(tasks.values()) == 1
    # A Pipeline ends with the samples that its steps have made.
    assert tasks == Counter(call[4:] for call in ended)
    for call in begun:
        first, last = (
            next(i for i, c in enumerate(calls) if c[0] == hook and c[5:] == call[4:])
            for hook in ("'begin'", "'end'")
        )
        assert first < last
    assert calls[0][0] == "'setup'"
    assert [call[0] for call in calls].count("'teardown'") == 1
    assert calls[-1][0] == "'teardown'"


class Interrupted:
    """Scores, and is interrupted as by Ctrl-C.

    Args:
        place: in which call, from 1.
    """

    def __init__(self, place):
        self._place, self._calls = place, 0

    def __call__(self, estimator, X, y):
        self._calls += 1
        if self._calls == self._place:
            raise KeyboardInterrupt
        return 1.0
