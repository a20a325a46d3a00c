"""Good points of an earlier project are tried first in a new search."""

import pytest

import kerastune_lite as kt
from tests.kerastuner_projects import kerastuner, searched


def run(hp):
    kind = hp.Choice("kind", ["mlp", "cnn"])
    with hp.conditional_scope("kind", ["mlp"]):
        hp.Int("units", 8, 64, step=8)
    with hp.conditional_scope("kind", ["cnn"]):
        hp.Int("filters", 2, 64, sampling="log")
    return {"loss": hp.Float("rate", 1e-4, 1e-1, sampling="log") + (kind == "cnn")}


class Ours(kt.RandomSearch):
    def run_trial(self, trial):
        return run(trial.hyperparameters)


def ours(directory, name, **settings):
    objective = kt.Objective("loss", "min")
    return Ours(
        objective=objective,
        directory=directory,
        project_name=name,
        seed=0,
        max_trials=8,
        **settings,
    )


def check(earlier, tmp_path):
    best = earlier.get_best_hyperparameters(4)
    tuner = ours(tmp_path, "new")
    for hp in best:
        tuner.enqueue(hp)
    tuner.search(verbose=0)
    assert [trial.origin for trial in tuner.trials] == ["enqueued"] * 4 + ["oracle"] * 4
    assert [trial.values for trial in tuner.trials[:4]] == [hp.values for hp in best]
    # Trained again here: the scores of other data would not be comparable.
    assert [trial.score for trial in tuner.trials[:4]] == sorted(
        trial.score for trial in earlier.get_best_trials(4)
    )
    assert len({str(trial.values) for trial in tuner.trials}) == 8


def test_from_a_project_of_kerastuner(tmp_path):
    theirs = searched(tmp_path, run, max_trials=12)
    check(kt.open_project(theirs.project_dir), tmp_path)


def test_from_a_hyperband_of_kerastuner(tmp_path):
    known = kerastuner().HyperParameters()
    run(known)
    settings = {"max_epochs": 4, "factor": 2, "seed": 1, "hyperparameters": known}
    theirs = searched(tmp_path, run, kind=kerastuner().Hyperband, **settings)
    project = kt.open_project(theirs.project_dir)
    tuner = ours(tmp_path, "new")
    tuner.enqueue(project.get_best_hyperparameters()[0])
    tuner.search(verbose=0)
    assert tuner.trials[0].values == project.get_best_trials()[0].values


def test_from_a_project_of_ours(tmp_path):
    ours(tmp_path, "old").search(verbose=0)
    check(kt.open_project(tmp_path / "old"), tmp_path)


def test_names_that_the_builder_does_not_declare(tmp_path):
    tuner = ours(tmp_path, "new", hyperparameters=_known())
    with pytest.raises(ValueError, match="'momentum' is not in the space"):
        tuner.enqueue(kt.HyperParameters(values={"rate": 0.01, "momentum": 0.9}))


def _known():
    hp = kt.HyperParameters()
    run(hp)
    return hp
