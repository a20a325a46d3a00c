"""A TrainingSpec is a value: another process trains the same with it."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.trial import Segment, Trial
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite._src.search.execution.processes import ProcessRunner
from kerastune_lite.schedulers import Decision

keras = load_keras()

from kerastune_lite._src.keras.training_job import TrainingJob  # noqa: E402

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")


def spec_of(tmp_path, **arguments):
    """The spec of a tuner whose builder no other process can import."""
    width = 8

    def build(hp):
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 16, default=width), "relu")]
        )
        model.add(keras.layers.Dropout(0.2))
        model.add(keras.layers.Dense(1, "sigmoid"))
        model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
        return model

    tuner = kt.RandomSearch(build, "val_loss", directory=tmp_path, project_name="p")
    given = {"epochs": 3, "validation_split": 0.3}
    spec = tuner._training.spec((X, Y), given, [stopping()], verbose=0, **arguments)
    trial = Trial(0, {"units": 5}, tuner.space)
    return tuner, spec, Segment(trial, seed=7)


def stopping():
    return keras.callbacks.EarlyStopping(patience=2)


def trained(runner, spec, segment):
    """The metrics of each epoch, the score, and the path."""
    epochs = []

    def emit(event):
        epochs.append(dict(event.metrics))
        return Decision.CONTINUE

    runner.open(TrainingJob(spec), emit)
    runner.submit([segment])
    (report,) = runner.wait()
    runner.close()
    (execution,) = report.executions
    assert execution.message is None, execution.message
    return epochs, execution.score, execution.path


def references(value, seen):
    """All objects that a pickle of the value holds."""
    if id(value) in seen:
        return
    seen[id(value)] = value
    state = getattr(value, "__dict__", {})
    within = value if isinstance(value, (list, tuple, set)) else ()
    for each in (*state.values(), *within, *(value.values() if isinstance(value, dict) else ())):
        references(each, seen)


def test_a_fresh_process_trains_the_same(tmp_path):
    for fast, path in ((True, "NumPy"), (False, "model.fit")):
        _, spec, segment = spec_of(tmp_path / path, fast=fast)
        epochs, score, here = trained(InlineRunner(), spec, segment)
        runner = ProcessRunner(1, tmp_path)
        other_epochs, other_score, elsewhere = trained(runner, spec, segment)
        assert here == elsewhere == path
        assert len(epochs) == len(other_epochs) == 3
        for one, other in zip(epochs, other_epochs):
            assert other == pytest.approx(one, rel=1e-6)
        assert other_score == pytest.approx(score, rel=1e-6)


def test_there_is_no_tuner_in_it(tmp_path):
    tuner, spec, _ = spec_of(tmp_path, fast=True)
    found = {}
    references(spec, found)
    assert len(found) > 20
    assert id(tuner) not in found
    kinds = {f"{type(each).__module__}.{type(each).__name__}" for each in found.values()}
    assert not {kind for kind in kinds if "Dispatcher" in kind or "SQLiteStore" in kind}
