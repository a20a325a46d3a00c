"""What `tuner=` takes."""

import pytest

from kerastune_lite._src.sklearn.tuners import ORACLES, parts_of
from kerastune_lite.oracles import (
    BayesianOracle,
    EvolutionaryOracle,
    GridOracle,
    RandomOracle,
    SobolOracle,
)
from kerastune_lite.schedulers import ASHA, FullTraining, Hyperband, MedianStopping

KINDS = {
    "random": RandomOracle,
    "grid": GridOracle,
    "sobol": SobolOracle,
    "bayesian": BayesianOracle,
    "evolution": EvolutionaryOracle,
}


@pytest.mark.parametrize("name", ORACLES)
def test_names_of_oracles(name):
    oracle, scheduler = parts_of(name, 3, None)
    assert type(oracle) is KINDS[name]
    assert isinstance(scheduler, FullTraining)


def test_names_of_schedulers():
    oracle, scheduler = parts_of("hyperband", 0, 9)
    assert (type(oracle), type(scheduler), scheduler.max_epochs) == (RandomOracle, Hyperband, 9)
    oracle, scheduler = parts_of("asha", 0, 9)
    assert (type(oracle), type(scheduler), scheduler.stop) == (BayesianOracle, ASHA, False)


def test_objects():
    oracle = SobolOracle()
    assert parts_of(oracle, 0, None)[0] is oracle
    scheduler = Hyperband(9)
    assert isinstance(parts_of(scheduler, 0, 1)[0], RandomOracle)
    assert parts_of((oracle, scheduler), 0, 1) == (oracle, scheduler)
    assert parts_of((scheduler, oracle), 0, 1) == (oracle, scheduler)


def test_schedulers_that_stop_trials_pause_them():
    oracle, scheduler = parts_of(ASHA(27, 4, stop=True), 0, 9)
    assert isinstance(oracle, BayesianOracle)
    assert scheduler.settings() == ASHA(27, 4).settings()
    oracle, scheduler = parts_of(MedianStopping(warmup_epochs=2), 0, 9)
    assert isinstance(oracle, BayesianOracle)
    assert scheduler.settings() == MedianStopping(9, 2, stop=False).settings()
    assert isinstance(parts_of((RandomOracle(), MedianStopping(4)), 0, 9)[0], RandomOracle)


@pytest.mark.parametrize(
    ("tuner", "epochs", "error", "message"),
    [
        ("baysian", None, ValueError, r"one of 'random'.*Received: tuner='baysian'"),
        ("hyperband", 1, ValueError, r"estimator with epochs=1. Write KerasClassifier\(build, ep"),
        ("hyperband", None, ValueError, "take one of 'random', 'grid', 's"),
        (ASHA(9), None, ValueError, r"tuner=ASHA\(\.\.\.\) trains .* needs KerasClassifier"),
        (MedianStopping(), None, ValueError, r"tuner=MedianStopping\(\.\.\.\) .* needs KerasClass"),
        (RandomOracle, None, TypeError, r"Write RandomOracle\(\)"),
        (3, None, TypeError, "Received: 3 of type int"),
        ((), None, TypeError, r"Received: \(\)"),
        ((RandomOracle(), SobolOracle()), None, TypeError, "one of each"),
    ],
)
def test_what_does_not_fit_is_refused(tuner, epochs, error, message):
    with pytest.raises(error, match=message):
        parts_of(tuner, 0, epochs)
