"""Population based training with real models."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.search.open_project import OpenedProject
from kerastune_lite.schedulers import PopulationBasedTraining

keras = load_keras()

from kerastune_lite._src.keras.fast.dispatcher import PLAIN, STACKED  # noqa: E402

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")
EPOCHS = 6


def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(hp.Int("units", 4, 8), activation="relu"))
    model.add(keras.layers.Dropout(hp.Float("dropout", 0.1, 0.4)))
    model.add(keras.layers.Dense(2, activation="softmax"))
    optimizer = keras.optimizers.Adam(hp.Float("rate", 1e-3, 0.3, sampling="log"))
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Copies(PopulationBasedTraining):
    """Children have the values of their parents."""

    def explore(self, space, parent, rng):
        return dict(parent.values)

    def changing(self, names):
        return self


def population(kind=PopulationBasedTraining, **kwargs):
    return kind(EPOCHS, population_size=4, interval=2, **kwargs)


def tuner_of(path, scheduler=None, builder=build, **kwargs):
    kwargs = {"oracle": kt.oracles.RandomOracle(), "seed": 0, **kwargs}
    if scheduler is None:
        scheduler = population()
    return kt.Tuner(
        builder, "val_loss", scheduler=scheduler, directory=path, project_name="p", **kwargs
    )


def searched(path, scheduler=None, fast=True, workers=None, callbacks=None, **kwargs):
    tuner = tuner_of(path, scheduler, **kwargs)
    tuner.search(
        X,
        Y,
        validation_split=0.25,
        epochs=EPOCHS,
        batch_size=16,
        callbacks=callbacks,
        verbose=0,
        fast=fast,
        workers=workers,
        shuffle=fast,  # model.fit draws the order from a global generator
    )
    return tuner


def table(tuner):
    return [(t.number, dict(t.values), t.parent, t.epochs, t.status) for t in tuner.trials]


@pytest.mark.parametrize("fast", [True, False])
def test_children_with_the_same_values_are_as_those_trained_in_one_go(tmp_path, fast):
    copies = searched(tmp_path / "c", population(Copies), fast)
    whole = searched(tmp_path / "w", kt.schedulers.FullTraining(), fast, max_trials=4)
    children = [trial for trial in copies.trials if trial.parent is not None]
    assert len(children) == 2
    assert {e.path for t in children for e in t.executions} <= {STACKED if fast else PLAIN, "NumPy"}
    for child in children:
        root = copies.schedule(child)[0].trial
        mine, right = copies.history(child)[0], whole.history(root)[0]
        for name, values in mine.items():
            start = child.parent.epoch
            assert all(map(np.isnan, values[:start]))
            assert values[start:] == pytest.approx(right[name][start : child.epochs], rel=1e-4)


def test_the_best_model_is_that_of_the_best_epoch(tmp_path):
    tuner = searched(tmp_path, optimizer=None)
    for trial in tuner.get_best_trials(3):
        model = tuner.load_model(trial)
        scores = model.evaluate(X[60:], Y[60:], verbose=0, return_dict=True)
        assert scores["loss"] == pytest.approx(trial.score, rel=1e-5)
    assert not list((tmp_path / "p" / "checkpoints").glob("*.state*"))


def test_workers_make_the_same_search(tmp_path, forked_workers):
    inline, parallel = searched(tmp_path / "a"), searched(tmp_path / "b", workers=2)
    assert table(parallel) == table(inline)
    assert [t.score for t in parallel.trials] == pytest.approx(
        [t.score for t in inline.trials], rel=1e-4
    )


def test_units_are_inherited_and_rates_change(tmp_path):
    tuner = searched(tmp_path, executions_per_trial=2)
    for trial in tuner.trials:
        if trial.parent is not None:
            parent = tuner.trials[trial.parent.trial]
            assert trial.values["units"] == parent.values["units"]
            assert trial.values["rate"] != parent.values["rate"]
            assert trial.values["dropout"] != parent.values["dropout"]
            assert trial.best_step >= trial.parent.epoch
            assert [e.epochs for e in trial.completed_executions] == [trial.epochs] * 2


def test_several_objectives_and_constraints(tmp_path):
    tuner = kt.Tuner(
        build,
        ["val_loss", "model_size"],
        constraints=["val_accuracy >= 0.1"],
        scheduler=population(),
        seed=0,
        directory=tmp_path,
    )
    tuner.search(X, Y, validation_split=0.25, verbose=0)
    assert len(tuner.trials) == population().trials
    assert tuner.pareto_front()


# ---------------------------------------------------------------------- the schedule


def test_a_schedule_is_replayed(tmp_path):
    """As `model.fit` with a model whose attributes are set between two epochs."""
    tuner = searched(tmp_path)
    trial = next(t for t in reversed(tuner.trials) if t.parent is not None)
    pieces = tuner.schedule(trial)
    assert len(pieces) > 1
    keras.utils.set_random_seed(5)
    np.random.seed(5)
    model = tuner.retrain(trial, X, Y, shuffle=False, verbose=0)
    assert model.history.epoch == list(range(trial.best_step + 1))
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(pieces[-1].values["rate"])

    keras.utils.set_random_seed(5)
    hp = tuner.trials[pieces[0].trial].hyperparameters
    whole = build(hp.copy())
    for piece in pieces:
        whole.optimizer.learning_rate.assign(piece.values["rate"])
        whole.layers[1].rate = piece.values["dropout"]
        whole.compiled_loss = None
        whole.make_train_function(force=True)
        arguments = {"shuffle": False, "verbose": 0}
        whole.fit(X, Y, epochs=piece.end_epoch, initial_epoch=piece.start_epoch, **arguments)
    for ours, theirs in zip(model.weights, whole.weights):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("epochs", [1, 9])
def test_a_schedule_can_be_longer_or_shorter(tmp_path, epochs):
    tuner = searched(tmp_path)
    trial = next(t for t in tuner.trials if t.parent is not None)
    model = tuner.retrain(trial, X, Y, epochs=epochs, verbose=0)
    assert model.history.epoch == list(range(epochs))
    pieces = tuner.schedule(trial)
    rate = pieces[-1 if epochs > 2 else 0].values["rate"]
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(rate)


def test_a_trial_of_another_search_has_one_piece(tmp_path):
    tuner = searched(tmp_path, kt.schedulers.FullTraining(), max_trials=2)
    (piece,) = tuner.schedule()
    best = tuner.get_best_trials()[0]
    assert (piece.trial, piece.start_epoch, piece.end_epoch) == (best.number, 0, best.best_step + 1)
    assert piece.values == best.values


def test_it_is_the_same_when_the_project_is_opened(tmp_path):
    tuner = searched(tmp_path)
    project = kt.open_project(tmp_path / "p")
    assert isinstance(project, OpenedProject)
    for trial in tuner.trials:
        assert project.schedule(trial) == tuner.schedule(trial)
    assert [row["parent"] for row in project.rows()] == [
        None if t.parent is None else t.parent.trial for t in tuner.trials
    ]


# ---------------------------------------------------------------------- what is refused


def test_a_hyperparameter_that_changes_the_network_is_refused(tmp_path):
    tuner = tuner_of(tmp_path, population(hyperparameters=["rate", "units"]))
    with pytest.raises(ValueError, match=r"Received: \['units'\], with which build\(hp\) makes"):
        tuner.search(X, Y, validation_split=0.25, verbose=0)
    assert not tuner.trials


def test_a_name_that_there_is_not_is_refused(tmp_path):
    tuner = tuner_of(tmp_path, population(hyperparameters=["rat"]))
    with pytest.raises(ValueError, match=r"Received: \['rat'\]; there are \['units', 'dropout', "):
        tuner.search(X, Y, validation_split=0.25, verbose=0)


def test_a_search_in_which_nothing_can_change_is_refused(tmp_path):
    def only_units(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 8))])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    with pytest.raises(ValueError, match=r"needs a hyperparameter that can change.*\['units'\]"):
        tuner_of(tmp_path, builder=only_units).search(X, Y, validation_split=0.25, verbose=0)


def test_too_few_trials_are_refused(tmp_path):
    assert tuner_of(tmp_path).max_trials is None
    assert kt.Tuner(build, "val_loss", directory=tmp_path, project_name="q").max_trials == 10
    tuner = tuner_of(tmp_path, max_trials=4)
    with pytest.raises(ValueError, match="Received: max_trials=4 for a population of 4"):
        tuner.search(X, Y, validation_split=0.25, verbose=0)


def test_a_run_trial_of_ones_own_is_refused(tmp_path):
    class Own(kt.Tuner):
        def run_trial(self, trial, *args, **kwargs):
            return super().run_trial(trial, *args, **kwargs)

    tuner = Own(build, "val_loss", scheduler=population(), directory=tmp_path)
    with pytest.raises(ValueError, match=r"Received: Own.run_trial\(\), which trains by itself"):
        tuner.search(X, Y, validation_split=0.25, verbose=0)


def test_functions_and_cross_validations_are_refused(tmp_path):
    def function(x, epochs=1):
        return x**2

    space = {"x": kt.hyperparameters.Float(0, 1)}
    with pytest.raises(ValueError, match="copies the states of trainings from trial to trial"):
        kt.tune_function(function, space, scheduler=population(), directory=tmp_path)
    from kerastune_lite.sklearn import KerasClassifier, TunerSearchCV

    search = TunerSearchCV(KerasClassifier(build), tuner=population())
    with pytest.raises(ValueError, match="TunerSearchCV trains each candidate on several folds"):
        search.fit(X, Y)


def test_a_child_with_another_network_fails_and_says_why(tmp_path):
    """What the search could not know: two hyperparameters together change the network."""

    def odd(hp):
        rate = hp.Float("rate", 0.001, 0.3)
        units = int(1000 * rate) if hp.Boolean("odd", default=False) else 8
        model = keras.Sequential([keras.Input((4,))])
        model.add(keras.layers.Dense(units))
        model.add(keras.layers.Dense(2, activation="softmax"))
        model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
        return model

    tuner = tuner_of(tmp_path, builder=odd, max_consecutive_failed_trials=9)
    for rate in (0.1, 0.11, 0.12, 0.13):
        tuner.enqueue({"odd": True, "rate": rate})
    tuner.search(X, Y, validation_split=0.25, verbose=0)
    failed = [trial for trial in tuner.trials if str(trial.status) == "FAILED"]
    assert failed
    assert all(t.parent is not None and t.values["odd"] for t in failed)
    assert all(
        "needs the same network and the same class of optimizer" in t.message for t in failed
    )


def test_callbacks_go_on_with_their_state(tmp_path):
    stop = [keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=10.0)]
    copies = searched(tmp_path / "c", population(Copies), callbacks=stop)
    whole = searched(tmp_path / "w", kt.schedulers.FullTraining(), callbacks=stop, max_trials=4)
    for child in copies.trials:
        if child.parent is not None:
            root = copies.schedule(child)[0].trial
            rates, right = copies.history(child)[0], whole.history(root)[0]
            start = child.parent.epoch
            assert rates["learning_rate"][start:] == pytest.approx(
                right["learning_rate"][start : child.epochs]
            )


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(("before", "after"), [(0.0, 0.3), (0.3, 0.0)])
def test_a_dropout_that_begins_or_ends_keeps_the_weights(tmp_path, before, after, fast):
    """Keras makes the random generator of a layer only if the layer drops anything."""

    class Switched(Copies):
        def explore(self, space, parent, rng):
            return {**parent.values, "dropout": after}

    class Begun(kt.oracles.RandomOracle):
        def propose(self, *args):
            return [{**point, "dropout": before} for point in super().propose(*args)]

    hyperparameters = kt.HyperParameters()
    hyperparameters.Float("dropout", 0.0, 0.4)
    scheduler = population(Switched)
    tuner = searched(
        tmp_path, scheduler, fast=fast, oracle=Begun(), hyperparameters=hyperparameters
    )
    children = [trial for trial in tuner.trials if trial.parent is not None]
    assert children
    assert {str(trial.status) for trial in tuner.trials} == {"COMPLETED"}
    assert {trial.values["dropout"] for trial in children} == {after}
