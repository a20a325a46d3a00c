"""A search over 1,000 workers, on a virtual clock."""

import dataclasses

import pytest

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.search.execution.guard import GuardedJob
from kerastune_lite.hyperparameters import Float, Parameter, Space
from kerastune_lite.schedulers import ASHA, FullTraining
from tests.doubles import RecordingView, SimulatedRunner, make_search
from tests.search.test_rungs import Trainer

SPACE = Space([Parameter("x", Float(0.0, 1.0))])
WORKERS = 1000
BEGINS = (ev.TrialStarted, ev.TrialResumed)
ENDS = (ev.TrialPaused, ev.TrialEnded)


class TwoEpochs(Trainer):
    """Trains two epochs if no scheduler says how many."""

    def __call__(self, trial, hp, segment, emit):
        end = segment.end_epoch or 2
        return super().__call__(trial, hp, dataclasses.replace(segment, end_epoch=end), emit)


def seconds(segment):
    """One epoch takes between one and two minutes."""
    return 60.0 * (1.0 + segment.trial.values["x"])


def busy(events):
    """How many workers train, after each event."""
    running, counts = set(), []
    for event in events:
        if isinstance(event, BEGINS):
            running.add(event.trial.number)
        elif isinstance(event, ENDS):
            running.discard(event.trial.number)
        counts.append(len(running))
    return counts


@pytest.mark.parametrize(
    ("scheduler", "trials"),
    [
        pytest.param(FullTraining(), 3000, id="random search"),
        pytest.param(ASHA(3), 1050, id="ASHA", marks=pytest.mark.slow),
    ],
)
def test_a_thousand_workers_are_busy_and_each_trial_ends_once(tmp_path, scheduler, trials):
    view, runner = RecordingView(), SimulatedRunner(WORKERS, seconds)
    search = make_search(
        GuardedJob(TwoEpochs()),
        tmp_path,
        space=SPACE,
        scheduler=scheduler,
        runner=runner,
        views=[view],
        max_trials=trials,
    )
    search.run("p", {})
    assert [trial.status for trial in search.history] == [TrialStatus.COMPLETED] * trials
    assert sorted(e.trial.number for e in view.of(ev.TrialEnded)) == list(range(trials))
    assert len({tuple(t.values.items()) for t in search.history}) == trials
    counts = busy(view.events)
    assert max(counts) == WORKERS
    full = counts.index(WORKERS)
    last = max(i for i, event in enumerate(view.events) if isinstance(event, ev.TrialStarted))
    assert min(counts[full:last]) >= WORKERS - 1, "a worker that is free gets the next trial"
