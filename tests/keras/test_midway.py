"""A search whose process was killed in the middle of a training goes on from there."""

import dataclasses
import os
import signal

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.events import SegmentStarted
from kerastune_lite._src.keras import midway
from kerastune_lite._src.keras.callback_state import pack
from kerastune_lite._src.keras.fast.dispatcher import (
    ARRAYS,
    OWN,
    PLAIN,
    SHARED,
    STACKED,
    Dispatcher,
)
from kerastune_lite._src.keras.fast.member import Member
from kerastune_lite._src.keras.fast.stack import Stack
from kerastune_lite._src.keras.midway import tell_once
from kerastune_lite._src.keras.state_files import read_state, write_state
from kerastune_lite._src.store.sqlite import SQLiteStore
from kerastune_lite.errors import FatalValueError, StoreError
from tests.keras.midway import (
    EPOCHS,
    OwnTrials,
    X,
    Y,
    build,
    files,
    keras,
    killed,
    search,
    tuner_of,
)

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL"),
    # Between Keras and TensorFlow, about their own conversions to NumPy.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(params=[PLAIN, OWN, SHARED, ARRAYS])
def path(request, monkeypatch):
    monkeypatch.setattr(Dispatcher.__init__, "__defaults__", (True, request.param))
    return request.param


@pytest.fixture
def begun(monkeypatch):
    """(trial, execution, first epoch) of the segments that begin."""
    seen = []
    record = SQLiteStore.record

    def noted(store, events):
        events = list(events)
        starts = [e for e in events if isinstance(e, SegmentStarted)]
        seen.extend((e.trial, e.execution, e.start_epoch) for e in starts)
        record(store, events)

    monkeypatch.setattr(SQLiteStore, "record", noted)
    return seen


def weights(tuner):
    (model,) = tuner.get_best_models(1)
    return model.get_weights()


def check_same(one, other):
    for mine, right in zip(one.trials, other.trials, strict=True):
        assert mine.epochs == right.epochs
        assert mine.best_step == right.best_step
        assert mine.score == pytest.approx(right.score, rel=1e-5)
        for ours, theirs in zip(one.history(mine), other.history(right), strict=True):
            assert ours.keys() == theirs.keys()
            for name, values in theirs.items():
                assert ours[name] == pytest.approx(values, rel=1e-5)
    for ours, theirs in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_it_goes_on_on_each_path(tmp_path, path, begun):
    # Keras shuffles with a global generator, so model.fit goes on in another order.
    fit = {"shuffle": path != PLAIN, "fast": path != PLAIN}
    whole = search(tuner_of(tmp_path / "whole"), **fit)
    killed(f"restrict({path!r}); die_after(4); search(tuner_of({str(tmp_path)!r}), **{fit})")
    assert files(tmp_path)[-1] == "trial_0000_execution0_attempt0_midway_e0004.state.zip"
    begun.clear()
    resumed = search(tuner_of(tmp_path), **fit)
    assert begun == [(0, 0, 4)]
    assert (resumed.trials[0].epochs, resumed.trials[0].path) == (EPOCHS, path)
    check_same(resumed, whole)
    assert files(tmp_path) == []


def test_executions_side_by_side_go_on(tmp_path, begun):
    """Each has a state of its own."""
    whole = search(tuner_of(tmp_path / "whole", executions_per_trial=3))
    assert whole.trials[0].path == STACKED
    # Each of the three is stored after two epochs, and one of them after the third.
    killed(f"die_after(7); search(tuner_of({str(tmp_path)!r}, executions_per_trial=3))")
    assert {name[:21] for name in files(tmp_path)} == {f"trial_0000_execution{n}" for n in range(3)}
    begun.clear()
    resumed = search(tuner_of(tmp_path, executions_per_trial=3))
    assert sorted(begun) == [(0, 0, 3), (0, 1, 2), (0, 2, 2)]
    check_same(resumed, whole)
    assert files(tmp_path) == []


def test_trials_side_by_side_go_on(tmp_path, begun):
    whole = search(tuner_of(tmp_path / "whole", max_trials=4))
    assert whole.trials[3].path == STACKED
    # The first trains alone, to find out the kind of network.
    writes = EPOCHS - 1 + 3 * 2
    killed(f"die_after({writes}); search(tuner_of({str(tmp_path)!r}, max_trials=4))")
    assert {name[:10] for name in files(tmp_path)} == {f"trial_000{n}" for n in (1, 2, 3)}
    begun.clear()
    resumed = search(tuner_of(tmp_path, max_trials=4))
    assert begun == [(1, 0, 2), (2, 0, 2), (3, 0, 2)]
    check_same(resumed, whole)
    assert files(tmp_path) == []


def test_it_goes_on_within_a_rung(tmp_path, begun):
    whole = search(tuner_of(tmp_path / "whole", kt.Hyperband, max_epochs=9))
    killed(f"die_after(6); search(tuner_of({str(tmp_path)!r}, kt.Hyperband, max_epochs=9))")
    # A rung of one epoch has nothing to store; the first of the second rung ends at epoch 3.
    (latest,) = {name[:10] for name in files(tmp_path) if "midway" in name}
    begun.clear()
    resumed = search(tuner_of(tmp_path, kt.Hyperband, max_epochs=9))
    assert begun[0][0] == int(latest.removeprefix("trial_"))
    assert begun[0][2] not in (0, 1, 3), "it is not where a rung begins"
    check_same(resumed, whole)
    assert files(tmp_path) == []


def test_a_run_trial_of_ones_own_goes_on(tmp_path, monkeypatch):
    """The executions that it has trained, and the one that was under way."""
    given = {"executions_per_trial": 2, "kind": OwnTrials}
    whole = search(tuner_of(tmp_path / "whole", **given))
    # The second execution dies after its fourth epoch.
    writes = EPOCHS - 1 + 4
    tuner = f"tuner_of({str(tmp_path)!r}, OwnTrials, executions_per_trial=2)"
    killed(f"die_after({writes}); search({tuner})")
    assert [name[11:] for name in files(tmp_path)] == [
        f"execution0_attempt0_midway_e000{EPOCHS - 1}.state.zip",
        "execution1_attempt0_midway_e0003.state.zip",
        "execution1_attempt0_midway_e0004.state.zip",
    ]
    trained = []
    order = Member.order
    monkeypatch.setattr(
        Member, "order", lambda self, epoch: trained.append(epoch) or order(self, epoch)
    )
    resumed = search(tuner_of(tmp_path, **given))
    assert trained == [5, 4, 5], "the other epochs were not trained again"
    check_same(resumed, whole)
    assert files(tmp_path) == []


def test_a_run_trial_of_ones_own_trains_anew_after_a_correction(tmp_path):
    with pytest.raises(FatalValueError):
        search(
            tuner_of(tmp_path, OwnTrials),
            callbacks=[Ends(3, tmp_path / "mark", FatalValueError("wrong"))],
        )
    assert files(tmp_path) == []


class Ends(keras.callbacks.Callback):
    """Raises what it is given at the end of an epoch, as long as a file is missing."""

    def __init__(self, epoch, mark, what):
        super().__init__()
        self.epoch, self.mark, self.what = epoch, str(mark), what

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch and not os.path.exists(self.mark):
            open(self.mark, "w").close()
            raise self.what


def broken_off(tmp_path):
    """A tuner whose search was interrupted in epoch 4 of a trial."""
    tuner = tuner_of(tmp_path)
    search(tuner, callbacks=[Ends(3, tmp_path / "mark", KeyboardInterrupt)])
    assert files(tmp_path) == ["trial_0000_execution0_attempt0_midway_e0003.state.zip"]
    return tuner


def test_it_goes_on_after_an_interrupt(tmp_path, begun):
    broken_off(tmp_path)
    begun.clear()
    resumed = search(tuner_of(tmp_path), callbacks=[Ends(3, tmp_path / "mark", None)])
    assert begun == [(0, 0, 3)]
    check_same(resumed, search(tuner_of(tmp_path / "whole"), callbacks=None))


def test_seconds_are_those_of_all_of_the_training(tmp_path):
    broken_off(tmp_path)
    (name,) = files(tmp_path)
    path = tmp_path / "p" / "checkpoints" / name
    state = read_state(path)
    longer = {**state.data, "extra": pack({"seconds": 1e3}, "", {})}
    write_state(dataclasses.replace(state, data=longer), path)
    resumed = search(tuner_of(tmp_path), callbacks=[Ends(3, tmp_path / "mark", None)])
    assert 1e3 < resumed.trials[0].executions[0].seconds < 2e3


@pytest.mark.parametrize("what", ["damaged", "other model", "other callbacks", "fewer epochs"])
def test_a_state_that_is_of_no_use(tmp_path, what, caplog):
    """Is deleted, and the trial is trained from the start."""
    broken_off(tmp_path)
    given, hypermodel = {"callbacks": [Ends(3, tmp_path / "mark", None)]}, build
    if what == "damaged":
        (name,) = files(tmp_path)
        (tmp_path / "p" / "checkpoints" / name).write_bytes(b"nothing")
        message = "cannot be read"
    elif what == "other model":
        hypermodel, message = wider, "does not fit the model"
    elif what == "other callbacks":
        given, message = {"callbacks": None}, "callbacks of the same classes"
    else:
        given["epochs"], message = 3, "It was trained for 3 epochs, and epochs=3 now"
    whole = search(tuner_of(tmp_path / "whole", hypermodel=hypermodel), **given)
    resumed = search(tuner_of(tmp_path, hypermodel=hypermodel), **given)
    check_same(resumed, whole)
    warned = [r.getMessage() for r in caplog.records if "where its process died" in r.message]
    assert len(warned) == 1
    assert message in warned[0]
    assert files(tmp_path) == []


def wider(hp):
    return build(hp, units=9)


def test_a_retry_starts_anew(tmp_path, begun):
    tuner = tuner_of(tmp_path, max_retries_per_trial=1)
    search(tuner, callbacks=[Ends(3, tmp_path / "mark", ValueError("fails"))])
    assert [(e.attempt, e.epochs) for e in tuner.trials[0].executions] == [(0, 0), (1, EPOCHS)]
    assert begun == [(0, 0, 0), (0, 0, 0)]
    assert files(tmp_path) == []


def test_a_failed_trial_leaves_nothing(tmp_path):
    tuner = tuner_of(tmp_path)
    with pytest.raises(RuntimeError, match="fails"):
        search(tuner, callbacks=[Ends(3, tmp_path / "mark", ValueError("fails"))])
    assert files(tmp_path) == []


def test_a_script_that_was_corrected_trains_anew(tmp_path):
    with pytest.raises(FatalValueError):
        search(tuner_of(tmp_path), callbacks=[Ends(3, tmp_path / "mark", FatalValueError("wrong"))])
    assert files(tmp_path) == []


class Endless(keras.callbacks.Callback):
    """Holds something that cannot be stored."""

    def __init__(self):
        super().__init__()
        self.numbers = iter([])

    def __deepcopy__(self, memo):
        return Endless()


class OwnFit(kt.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)


class ToldFirst(OwnFit):
    def fit(self, hp, model, *args, initial_epoch=0, **kwargs):
        return model.fit(*args, initial_epoch=initial_epoch, **kwargs)


def batches():
    while True:
        yield X[:16], Y[:16]


@pytest.mark.parametrize(
    "reason", ["type list_iterator", "no parameter `initial_epoch`", "position in a generator"]
)
def test_what_cannot_go_on_is_not_stored(tmp_path, reason, caplog, monkeypatch):
    tell_once.cache_clear()
    caplog.set_level("INFO", "kerastune_lite")
    written = []
    monkeypatch.setattr(midway, "write_state", lambda *given: written.append(given))
    if "iterator" in reason:
        search(tuner_of(tmp_path, max_trials=2), callbacks=lambda trial: [Endless()])
    elif "parameter" in reason:
        search(tuner_of(tmp_path, hypermodel=OwnFit(), max_trials=2))
    else:
        tuner = tuner_of(tmp_path, max_trials=2)
        given = {"validation_data": (X, Y), "steps_per_epoch": 2, "epochs": 3, "verbose": 0}
        tuner.search(batches(), checkpoint_interval=0, **given)
    assert written == []
    (told,) = [r.getMessage() for r in caplog.records if "Trainings start anew" in r.message]
    assert reason in told


def test_a_fit_of_ones_own_that_is_told_where_to_begin_goes_on(tmp_path, begun):
    mark = tmp_path / "mark"
    search(tuner_of(tmp_path, hypermodel=ToldFirst()), callbacks=[Ends(3, mark, KeyboardInterrupt)])
    begun.clear()
    resumed = search(tuner_of(tmp_path, hypermodel=ToldFirst()), callbacks=[Ends(3, mark, None)])
    assert begun == [(0, 0, 3)]
    check_same(resumed, search(tuner_of(tmp_path / "whole"), callbacks=None))


def test_a_short_training_stores_nothing_and_prepares_nothing(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(midway, "write_state", lambda *given: called.append("write"))
    show_all = Stack.show_all
    monkeypatch.setattr(Stack, "show_all", lambda *given: called.append("show") or show_all(*given))
    search(tuner_of(tmp_path), interval=None)
    search(tuner_of(tmp_path / "short"), interval=60.0)
    assert called == []
    search(tuner_of(tmp_path / "stored"), interval=0.0)
    assert called == ["show", "write"] * (EPOCHS - 1)


def test_a_full_disk_ends_no_training(tmp_path, monkeypatch, caplog):
    def full(state, path):
        raise StoreError("no space is left")

    monkeypatch.setattr(midway, "write_state", full)
    assert search(tuner_of(tmp_path)).trials[0].epochs == EPOCHS
    assert [r.message for r in caplog.records if "no space is left" in r.message] == [
        "This training starts anew if its process dies: no space is left"
    ]
