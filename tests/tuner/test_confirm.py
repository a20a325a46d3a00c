"""`search(confirm=...)` with Keras models: the race, its winner, and where it is shown."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.analysis.racing import LEAST
from kerastune_lite._src.cli.command import main
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype("float32")
Y = (X[:, :1] * 2 + 0.5 * RNG.normal(size=(60, 1))).astype("float32")
SPLIT = {"validation_split": 0.25, "epochs": 2, "verbose": 0}


def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(hp.Int("units", 2, 12, default=3), activation="tanh"))
    model.add(keras.layers.Dense(1))
    rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.SGD(rate), loss="mse")
    return model


def tuner(tmp_path, objective="val_loss", max_trials=8, hypermodel=build, **kwargs):
    kwargs = {"seed": 3, "directory": tmp_path, "project_name": "p", **kwargs}
    return kt.RandomSearch(hypermodel, objective, max_trials, **kwargs)


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    searched = tuner(tmp_path_factory.mktemp("raced"))
    searched.search(X, Y, **SPLIT, confirm=True)
    return searched


def test_the_confirmed_winner_comes_first_everywhere(raced, capsys):
    found = raced.confirmation()
    winner = raced.get_trial(found.winner)
    assert found.fresh
    assert found.start == 0
    assert raced.get_best_trials()[0] == winner
    assert raced.get_best_hyperparameters()[0].values == winner.values
    (model,) = raced.get_best_models()
    assert model.layers[0].units == winner.values["units"]
    assert raced.retrain(None, X, Y, epochs=1, verbose=0).layers[0].units == model.layers[0].units
    others = [trial.score for trial in raced.get_best_trials(8)[1:]]
    assert others == sorted(others)
    raced.results_summary()
    shown = capsys.readouterr().out
    assert " ".join(str(found).split()) in " ".join(shown.split())


def test_an_opened_project_says_the_same(raced, capsys):
    from kerastune_lite._src.cli.command import main

    opened = kt.open_project(raced.project_dir)
    assert opened.confirmation() == raced.confirmation()
    assert opened.get_best_trials(8) == raced.get_best_trials(8)
    assert main(["show", raced.project_dir]) == 0
    sentence = raced.confirmation().sentences()[0]
    assert " ".join(sentence.split()) in " ".join(capsys.readouterr().out.split())
    assert main(["best", raced.project_dir]) == 0
    assert str(raced.get_best_trials()[0].values["units"]) in capsys.readouterr().out


def test_the_report_says_it(raced, tmp_path):
    import html

    raced.report(tmp_path / "report.html")
    page = html.unescape((tmp_path / "report.html").read_text(encoding="utf-8"))
    for sentence in raced.confirmation().sentences():
        assert sentence in page


def test_a_later_tuner_and_a_second_search_train_nothing(raced):
    again = tuner(raced.project_dir.rsplit("/", 1)[0])
    assert again.confirmation() == raced.confirmation()
    builds = []

    def counting(hp):
        builds.append(hp)
        return build(hp)

    third = tuner(raced.project_dir.rsplit("/", 1)[0], hypermodel=counting)
    builds.clear()
    third.search(X, Y, **SPLIT, confirm=True)
    assert builds == []
    assert third.confirmation() == raced.confirmation()


def test_rounds_are_trained_as_model_fit_would_on_their_samples(raced):
    """A round by hand: its seed, its order of samples, the best of its epochs."""
    from kerastune_lite._src.keras.fresh_split import block_last
    from kerastune_lite._src.search.seeds import round_seed, split_place

    training = raced._known.rounds[0]
    order = block_last(len(X), 0.25, split_place(3, training.number))
    assert training.split.place == split_place(3, training.number)
    keras.utils.set_random_seed(round_seed(3, training.number) + training.number)
    model = build(raced.get_trial(training.trial).hyperparameters.copy())
    held = round(0.25 * len(X))
    train, rest = order[:-held], order[-held:]
    assert training.metrics["model_size"] == model.count_params()
    history = model.fit(X[train], Y[train], validation_data=(X[rest], Y[rest]), epochs=2, verbose=0)
    # The order within epochs is another one, so the losses are only near.
    assert training.score == pytest.approx(min(history.history["val_loss"]), rel=0.2)


def test_given_validation_data_stay_and_it_says_so(tmp_path):
    searched = tuner(tmp_path, max_trials=5)
    data = {"validation_data": (X[:20], Y[:20]), "epochs": 1, "verbose": 0}
    searched.search(X[20:], Y[20:], **data, confirm=True)
    assert not searched.confirmation().fresh
    assert all(each.split is None for each in searched._known.rounds)
    assert "The validation data are the same in all rounds" in str(searched.confirmation())


@pytest.mark.parametrize("source", ["dataset", "data", "data_fn"])
def test_other_sources_of_data(tmp_path, source):
    import tensorflow as tf

    searched = tuner(tmp_path, max_trials=4)
    if source == "dataset":
        data = tf.data.Dataset.from_tensor_slices((X[20:], Y[20:])).batch(10)
        held = tf.data.Dataset.from_tensor_slices((X[:20], Y[:20])).batch(10)
        searched.search(data, validation_data=held, epochs=1, verbose=0, confirm=True)
    elif source == "data":

        def make_data(hp):
            return X[:, : hp.Int("width", 4, 4)], Y

        searched.search(data=make_data, **SPLIT, confirm=True)
    else:
        searched.search(data_fn=lambda: (X, Y), **SPLIT, confirm=True)
    found = searched.confirmation()
    assert found.fresh == (source == "data")
    assert set(found.scores) <= {0, 1, 2, 3}


def test_the_winner_has_weights_whatever_is_kept(tmp_path, monkeypatch):
    """Also if they were not among the best: it is trained in the same way again."""
    # So the start wins in any case.
    monkeypatch.setattr("kerastune_lite._src.analysis.confirming.LIMIT", 1.0)
    searched = tuner(tmp_path, max_trials=8, keep_checkpoints=1)
    searched.search(X, Y, **SPLIT, confirm=True)
    winner = searched.get_best_trials()[0]
    assert winner.number == 0
    assert winner.loss > min(trial.loss for trial in searched.trials)
    model = searched.get_best_models()[0]
    held = slice(45, None)
    score = model.evaluate(X[held], Y[held], verbose=0)
    assert score == pytest.approx(winner.score, rel=1e-4)
    opened = tuner(tmp_path, max_trials=8, keep_checkpoints=1)
    assert np.array_equal(opened.get_best_models()[0].get_weights()[0], model.get_weights()[0])


def test_trials_of_a_scheduler_train_as_long_as_they_did(tmp_path):
    searched = kt.Hyperband(
        build, "val_loss", max_epochs=4, factor=2, seed=1, directory=tmp_path, project_name="p"
    )
    searched.search(X, Y, validation_split=0.25, verbose=0, confirm=True)
    for each in searched._known.rounds:
        trial = searched.get_trial(each.trial)
        assert each.goal == trial.goal
        assert each.epochs == trial.epochs


def test_early_stopping_applies(tmp_path):
    searched = tuner(tmp_path, max_trials=4)
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=1e9)
    searched.search(
        X, Y, validation_split=0.25, epochs=6, callbacks=[stop], verbose=0, confirm=True
    )
    assert {each.epochs for each in searched._known.rounds} == {2}


def test_hooks_and_epochs_are_those_of_trials(tmp_path):
    seen = []

    class Hooked(kt.RandomSearch):
        def on_epoch_end(self, trial, model, epoch, logs=None):
            seen.append((trial.number, epoch))

    searched = Hooked(build, "val_loss", 4, seed=3, directory=tmp_path, project_name="p")
    searched.search(X, Y, **SPLIT, confirm=True)
    assert len(searched._known.rounds) >= 4 * LEAST
    assert seen == [(number, epoch) for number in range(4) for epoch in range(2)]
    assert all(len(curves) == 1 for curves in searched.histories().values())


def test_auto_does_nothing_where_it_would_cost_much(tmp_path):
    searched = tuner(tmp_path, max_trials=4)
    searched.search(X, Y, **SPLIT)
    assert searched.confirmation() is None
    assert not any(trial.confirmed for trial in searched.trials)


class OwnFit(kt.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)


class OwnTrial(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.Float("x", 0.0, 1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: tuner(path, hypermodel=OwnFit()), "HyperModel with a fit"),
        (lambda path: OwnTrial(max_trials=2, directory=path), "run_trial"),
        (
            lambda path: tuner(path, ["val_loss", kt.Objective("model_size", "min")]),
            "several goals",
        ),
    ],
)
def test_where_there_can_be_no_race_true_is_an_error_and_auto_is_none(tmp_path, make, words):
    searched = make(tmp_path)
    with pytest.raises(ValueError, match=words):
        searched.search(X, Y, **SPLIT, confirm=True)
    assert searched.trials == []
    searched.search(X, Y, **SPLIT)
    assert searched.confirmation() is None


def test_a_constraint_leaves_one_objective(tmp_path):
    searched = tuner(tmp_path, constraints=["model_size <= 40"])
    searched.search(X, Y, **SPLIT, confirm=True)
    assert all(size <= 40 for size in searched.confirmation().sizes.values())


def test_other_values_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`confirm` must be True .* Received: confirm='yes'"):
        tuner(tmp_path).search(X, Y, **SPLIT, confirm="yes")


def test_maximised_metrics(tmp_path):
    def classifier(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
        rate = hp.Float("rate", 1e-3, 1.0, sampling="log")
        model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"])
        return model

    searched = tuner(tmp_path, "val_accuracy", 6, classifier)
    searched.search(X, (Y > 0).astype("float32"), **SPLIT, confirm=True)
    scores = list(searched.confirmation().scores.values())
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


@pytest.mark.parametrize("keep", [1, 2])
def test_a_winner_that_never_kept_weights_is_trained_again(raced, tmp_path, keep):
    other = tuner(tmp_path, keep_checkpoints=keep)
    other.search(X, Y, **SPLIT, confirm=True)
    assert other.confirmation().winner == raced.confirmation().winner
    (model,), (expected,) = other.get_best_models(), raced.get_best_models()
    x = X[:5]
    np.testing.assert_allclose(model.predict(x, verbose=0), expected.predict(x, verbose=0), 1e-4)
    # The next search tidies up, and leaves the winner its weights.
    other = tuner(tmp_path, keep_checkpoints=keep)
    other.search(X, Y, **SPLIT, confirm=True)
    assert len(other.get_best_models()) == 1
    main(["prune", "--yes", "--quiet", "--keep", "1", other.project_dir])
    assert len(other.get_best_models()) == 1
