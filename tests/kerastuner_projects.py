"""Projects that the installed KerasTuner has written, mostly without training anything."""

import contextlib
import io
import json
import warnings

import pytest


def kerastuner():
    """KerasTuner itself; importing it imports TensorFlow."""
    return pytest.importorskip("keras_tuner")


@contextlib.contextmanager
def quietly():
    """KerasTuner prints, and calls what Python and NumPy have deprecated."""
    unseen = io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(unseen),
        contextlib.redirect_stderr(unseen),
    ):
        warnings.simplefilter("ignore")
        yield


def searched(directory, run_trial, objective=("loss", "min"), name="theirs", kind=None, **settings):
    """A tuner of KerasTuner that has searched.

    Args:
        run_trial: a function of `hp`, whose result is that of the trial.
        objective: its name and direction; None: KerasTuner's default.
        kind: the class; default: RandomSearch.
        settings: of the class.
    """
    theirs = kerastuner()

    class Tuner(kind or theirs.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            return run_trial(trial.hyperparameters)

    if kind is None:
        settings = {"max_trials": 5, "seed": 3, **settings}
    with quietly():
        tuner = Tuner(
            objective=None if objective is None else theirs.Objective(*objective),
            directory=directory,
            project_name=name,
            **settings,
        )
        tuner.search()
    return tuner


def reloaded(directory, name, objective, tuner="RandomSearch"):
    """A folder as KerasTuner reads it."""
    theirs = kerastuner()
    with quietly():
        return getattr(theirs, tuner)(
            # The space is in the files.
            hypermodel=lambda hp: None,
            objective=theirs.Objective(objective.name, objective.direction),
            directory=directory,
            project_name=name,
            overwrite=False,
        )


def edit(path, change):
    """Change what a file of KerasTuner says."""
    state = json.loads(path.read_text(encoding="utf-8"))
    change(state)
    path.write_text(json.dumps(state), encoding="utf-8")
