"""Searches whose trainings go on side by side: the same trials, the same scores, nothing lost."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core import events as ev
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()

from kerastune_lite._src.core.trial import TrialStatus  # noqa: E402
from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, SHARED, STACKED, Dispatcher  # noqa: E402
from kerastune_lite._src.keras.fast.stack import Stack  # noqa: E402
from tests.doubles import RecordingView  # noqa: E402

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")
EPOCHS = 4


def rates_only(hp):
    """Trials differ in fractions alone."""
    rate = hp.Float("rate", 0.01, 0.5, sampling="log")
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(hp.Float("dropout", 0.1, 0.4)),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(rate, momentum=hp.Float("momentum", 0.1, 0.9))
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def units(hp):
    """Trials differ in a whole number."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 64)), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), loss="mse")
    return model


def tuner_of(path, build=rates_only, max_trials=6, **kwargs):
    return kt.RandomSearch(
        build,
        "val_loss",
        max_trials=max_trials,
        seed=0,
        directory=path,
        project_name="p",
        **kwargs,
    )


def searched(path, build=rates_only, max_trials=6, executions_per_trial=1, **search):
    tuner = tuner_of(path, build, max_trials, executions_per_trial=executions_per_trial)
    tuner.search(X, Y, validation_split=0.25, epochs=EPOCHS, batch_size=16, verbose=0, **search)
    return tuner


def one_by_one(monkeypatch, path, *args, **kwargs):
    """The same search without stacks."""
    with monkeypatch.context() as patched:
        patched.setattr(Dispatcher.__init__, "__defaults__", (True, ARRAYS))
        return searched(path, *args, **kwargs)


def paths(tuner):
    return [e.path for trial in tuner.trials for e in trial.executions]


def check_same(one, other):
    """The same trials with the same results, but for how they were trained."""
    assert len(one.trials) == len(other.trials)
    for mine, right in zip(one.trials, other.trials):
        assert mine.values == right.values
        assert mine.status == right.status
        assert mine.best_step == right.best_step
        assert mine.score == pytest.approx(right.score, rel=1e-5)
        assert mine.metrics == pytest.approx(right.metrics, rel=1e-5)
        for execution, expected in zip(mine.executions, right.executions):
            assert execution.score == pytest.approx(expected.score, rel=1e-5)
            assert execution.epochs == expected.epochs


def epochs_of(tuner, trial):
    with tuner._reading() as store:
        return store.epochs(trial.number)


def check_same_epochs(one, other):
    for trial in one.trials:
        mine, right = (epochs_of(tuner, trial) for tuner in (one, other))
        assert [(e.execution, e.epoch) for e in mine] == [(e.execution, e.epoch) for e in right]
        for epoch, expected in zip(mine, right):
            assert epoch.metrics == pytest.approx(expected.metrics, rel=1e-4)


class TestSameResults:
    def test_trials_that_differ_in_rates(self, tmp_path, monkeypatch):
        one = searched(tmp_path / "one")
        # The first one shows what kind of network it is.
        assert paths(one) == [ARRAYS, *[STACKED] * 5]
        other = one_by_one(monkeypatch, tmp_path / "other")
        assert set(paths(other)) == {ARRAYS}
        check_same(one, other)
        best = one.get_best_models()[0]
        scores = best.evaluate(X[60:], Y[60:], verbose=0, return_dict=True)
        assert scores["loss"] == pytest.approx(one.get_best_trials()[0].score, rel=1e-5)

    def test_repeats(self, tmp_path, monkeypatch):
        def both(**kwargs):
            yield searched(tmp_path / "one", units, 3, 3, **kwargs)
            yield one_by_one(monkeypatch, tmp_path / "other", units, 3, 3, **kwargs)

        one, other = both()
        assert paths(one) == [STACKED] * 9
        check_same(one, other)
        for trial in one.trials:
            assert len({e.score for e in trial.executions}) == 3
            assert [e.index for e in trial.executions] == [0, 1, 2]

    def test_repeats_of_trials_that_differ_in_rates(self, tmp_path, monkeypatch):
        one = searched(tmp_path / "one", executions_per_trial=2)
        assert set(paths(one)) == {STACKED}
        other = one_by_one(monkeypatch, tmp_path / "other", executions_per_trial=2)
        check_same(one, other)
        check_same_epochs(one, other)

    def test_the_weights_that_are_kept_are_the_best_repeats(self, tmp_path):
        tuner = searched(tmp_path, units, 2, 3)
        folder = tmp_path / "p"
        for trial in tuner.trials:
            best = min(trial.executions, key=lambda e: e.loss)
            there = [e for e in trial.executions if e.weights and (folder / e.weights).exists()]
            assert there == [best]

    def test_early_stopping_is_each_ones_own(self, tmp_path, monkeypatch):
        def stopping():
            return [keras.callbacks.EarlyStopping(patience=0, restore_best_weights=True)]

        one = searched(tmp_path / "one", callbacks=stopping())
        other = one_by_one(monkeypatch, tmp_path / "other", callbacks=stopping())
        assert STACKED in paths(one)
        check_same(one, other)

    def test_the_same_seed_gives_the_same_search(self, tmp_path):
        one, other = searched(tmp_path / "one"), searched(tmp_path / "other")
        assert [t.score for t in one.trials] == [t.score for t in other.trials]
        assert [t.metrics for t in one.trials] == [t.metrics for t in other.trials]


class TestWhoStaysAlone:
    def test_trials_that_differ_in_more_than_fractions(self, tmp_path):
        tuner = searched(tmp_path, units)
        assert set(paths(tuner)) == {ARRAYS}

    def test_with_fast_false(self, tmp_path):
        tuner = searched(tmp_path, max_trials=3, executions_per_trial=2, fast=False)
        assert set(paths(tuner)) == {"model.fit"}

    def test_a_fit_of_the_users_own(self, tmp_path):
        class Own(kt.HyperModel):
            def build(self, hp):
                return rates_only(hp)

            def fit(self, hp, model, *args, **kwargs):
                return model.fit(*args, **kwargs)

        assert set(paths(searched(tmp_path, Own(), 3, 2))) == {ARRAYS}

    def test_callbacks_that_may_look_at_all_of_the_model(self, tmp_path):
        class Looks(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                assert self.model.optimizer.built

        tuner = searched(tmp_path, max_trials=3, executions_per_trial=2, callbacks=[Looks()])
        assert set(paths(tuner)) == {ARRAYS}


class TestWhatGoesWrong:
    def test_a_trial_that_cannot_be_built(self, tmp_path):
        def build(hp):
            model = rates_only(hp)
            if hp.get("momentum") > 0.6:
                raise ValueError("too much of it")
            return model

        tuner = tuner_of(tmp_path, build, 8, max_consecutive_failed_trials=8)
        tuner.search(X, Y, validation_split=0.25, epochs=2, verbose=0)
        failed = [t for t in tuner.trials if t.status is TrialStatus.FAILED]
        assert failed
        assert all("too much of it" in t.failure for t in failed)
        assert all((t.values["momentum"] > 0.6) == (t in failed) for t in tuner.trials)
        assert STACKED in paths(tuner)

    def test_a_stack_that_cannot_be_trained(self, tmp_path, monkeypatch):
        trained = Stack.train

        def breaks(self, epoch, stopped=()):
            if len(self._members) > 1:
                raise MemoryError
            return trained(self, epoch, stopped)

        monkeypatch.setattr(Stack, "train", breaks)
        tuner = searched(tmp_path, executions_per_trial=2)
        assert set(paths(tuner)) == {ARRAYS}
        assert [t.status for t in tuner.trials] == [TrialStatus.COMPLETED] * 6

    def test_a_program_that_computes_something_else(self, tmp_path, monkeypatch, caplog):
        """It is found out before it trains anything."""
        from kerastune_lite._src.keras.fast.numpy import network, trusted_programs
        from kerastune_lite._src.keras.fast.program_cache import Programs

        monkeypatch.setattr(trusted_programs, "PROGRAMS", Programs())
        right = network.Number.of
        monkeypatch.setattr(network.Number, "of", lambda self, given: 0.9 * right(self, given))
        tuner = searched(tmp_path)
        assert set(paths(tuner)) == {SHARED}
        assert "gave another result" in caplog.text

    def test_a_training_that_breaks_off_in_the_middle_fails_and_the_rest_goes_on(
        self, tmp_path, monkeypatch
    ):
        trained = Stack.train
        calls = []

        def breaks(self, epoch, stopped=()):
            calls.append(epoch)
            if len(calls) == 2:
                raise MemoryError("in the second epoch")
            return trained(self, epoch, stopped)

        monkeypatch.setattr(Stack, "train", breaks)
        tuner = tuner_of(tmp_path, units, 2, executions_per_trial=2, max_retries_per_trial=1)
        tuner.search(X, Y, validation_split=0.25, epochs=EPOCHS, batch_size=16, verbose=0)
        assert [t.status for t in tuner.trials] == [TrialStatus.COMPLETED] * 2
        first = tuner.trials[0]
        assert sum("second epoch" in (e.message or "") for e in first.executions) == 2
        assert len(first.completed_executions) == 2

    def test_ctrl_c_ends_all_and_the_next_search_goes_on(self, tmp_path, monkeypatch):
        trained = Stack.train

        def interrupted(self, epoch, stopped=()):
            if epoch == 1 and len(self._members) > 1:
                raise KeyboardInterrupt
            return trained(self, epoch, stopped)

        with monkeypatch.context() as patched:
            patched.setattr(Stack, "train", interrupted)
            tuner = searched(tmp_path / "one")
        assert [t.status for t in tuner.trials] == [
            TrialStatus.COMPLETED,
            *[TrialStatus.RUNNING] * 5,
        ]
        tuner = searched(tmp_path / "one")
        check_same(tuner, searched(tmp_path / "other"))

    def test_a_trial_is_on_record_while_others_still_train(self, tmp_path, monkeypatch):
        """One that stops early is safe whatever happens to the others."""
        seen = RecordingView()
        monkeypatch.setattr("kerastune_lite._src.views.choose.progress_view", lambda *given: seen)
        tuner = tuner_of(tmp_path, max_trials=4)
        stops = [
            keras.callbacks.EarlyStopping("loss", patience=0, min_delta=0.02, start_from_epoch=0)
        ]
        tuner.search(X, Y, validation_split=0.25, epochs=12, batch_size=16, callbacks=stops)
        told = [e for e in seen.events if isinstance(e, (ev.TrialEnded, ev.EpochEnded))]
        ends = [i for i, e in enumerate(told) if isinstance(e, ev.TrialEnded) and e.trial.number]
        assert any(isinstance(e, ev.EpochEnded) for e in told[ends[0] :])
