"""Who searches by epochs in `search_quality.py`, each as it comes.

A contender is `run(problem, meter, seed)`: it trains through `meter`, until that raises `Spent`. No
trial is trained for more epochs than the table has, rungs end at a third, a ninth, ... of them. A
training that diverges has ended with the best loss that it had, and has failed if it had none.

Each epoch that is trained counts, and none twice for those who resume trials where they stopped,
ours and KerasTuner's Hyperband. (The latter goes on from the weights of the best epoch rather than
the last; its curve is taken to go on all the same.) Optuna's pruners end trials, and resume none.
"""

import dataclasses
import math
import tempfile

import numpy as np
import search_quality_contenders as contenders
from quiet_keras import load_keras

from kerastune_lite.oracles import (
    BayesianOracle,
    Execution,
    FreezeThawOracle,
    Outcome,
    RandomOracle,
    Trial,
    TrialHistory,
    TrialStatus,
)
from kerastune_lite.schedulers import (
    ASHA,
    Decision,
    FreezeThaw,
    FullTraining,
    Hyperband,
    MedianStopping,
    Supply,
)

FACTOR = 3
NO_END = 10_000
"""So often Hyperband runs all its brackets: the meter ends the search."""


class Spent(Exception):
    """All epochs were trained."""


class Meter:
    """Trains, counts the epochs, and keeps the best loss seen.

    Attributes:
        steps: `[epochs, regret]` whenever the best loss changed.
        trials: how many were begun.
    """

    def __init__(self, problem, budget):
        self.problem, self.budget = problem, budget
        self.spent, self.trials, self.best = 0, 0, math.inf
        self.steps = []

    def losses(self, values, start=0, end=None):
        """The losses of epochs `start` to `end`, one after the other; NaN is the last one.

        Raises:
            Spent: there is no epoch left.
        """
        self.trials += start == 0
        for loss in self.problem.curve(values)[start:end].tolist():
            if self.spent == self.budget:
                raise Spent
            self.spent += 1
            if loss < self.best:
                self.best = loss
                self.steps.append([self.spent, round(self.problem.regret(loss), 5)])
            yield loss
            if math.isnan(loss):
                return


# ---------------------------------------------------------------------- ours


def ours(oracle_of, scheduler_of):
    def run(problem, meter, seed):
        oracle, scheduler, history = oracle_of(seed), scheduler_of(problem.epochs), TrialHistory()
        while rungs := scheduler.plan(history, 1, Supply()):
            _train(begun(rungs[0], problem, oracle, history, seed), scheduler, history, meter)
            for number in scheduler.finished(history, Supply()):
                over = dataclasses.replace(history[number], status=TrialStatus.COMPLETED)
                history.update(over)

    return run


def begun(rung, problem, oracle, history, seed):
    """The trial that a rung is for, running."""
    if rung.trial is not None:
        trial = dataclasses.replace(
            history[rung.trial],
            status=TrialStatus.RUNNING,
            goal=rung.end_epoch,
            resumable=rung.resumable,
        )
        history.update(trial)
        return trial
    rng = np.random.default_rng([seed, len(history)])
    (values,) = oracle.propose(problem.space, history, 1, rng)
    trial = Trial(
        len(history),
        values,
        problem.space,
        bracket=rung.bracket,
        goal=rung.end_epoch,
        resumable=rung.resumable,
    )
    history.add(trial)
    return trial


def _train(trial, scheduler, history, meter):
    """A trial to the end of its rung, or until it is stopped or diverges."""
    losses, stopped, diverged = list(history.curve(trial.number)), False, False
    for loss in meter.losses(trial.values, len(losses), trial.goal):
        diverged = math.isnan(loss)
        if diverged:
            break
        history.note(trial.number, 0, len(losses), loss)
        losses.append(loss)
        stopped = scheduler.judge(history, trial.number, list(losses)) is Decision.STOP
        if stopped:
            break
    if not losses:
        history.update(dataclasses.replace(trial, status=TrialStatus.FAILED))
        return
    best = min(losses)
    done = Execution(
        0, Outcome.COMPLETED, score=best, loss=best, epochs=len(losses), stopped=diverged
    )
    paused = trial.resumable and not stopped and not diverged
    status = TrialStatus.PAUSED if paused else TrialStatus.COMPLETED
    history.update(
        dataclasses.replace(trial, status=status, score=best, loss=best, executions=(done,))
    )


def _random(seed):
    return RandomOracle()


def _bayesian(seed):
    return BayesianOracle(seed=seed)


def _full(epochs):
    return FullTraining()


def _hyperband(epochs):
    return Hyperband(epochs, FACTOR, hyperband_iterations=NO_END)


def _kt_freeze_thaw(problem, meter, seed):
    def oracle_of(seed):
        return FreezeThawOracle(problem.epochs, seed)

    ours(oracle_of, FreezeThaw)(problem, meter, seed)


def _asha(epochs):
    return ASHA(epochs, FACTOR, stop=False)


def _stopping_asha(epochs):
    return ASHA(epochs, FACTOR, stop=True)


# ---------------------------------------------------------------------- the peers


def optuna_with(sampler_of, pruner_of):
    def run(problem, meter, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(
            # The bracket of a trial follows from the name.
            study_name=f"{problem.name} {seed}",
            sampler=sampler_of(optuna)(seed=seed),
            pruner=pruner_of(optuna, problem.epochs),
        )
        while True:
            trial = study.ask()
            values = problem.space.walk(
                lambda p, trial=trial: contenders.suggested(trial, p.name, p.domain)
            )
            best, pruned = math.inf, False
            for epoch, loss in enumerate(meter.losses(values), start=1):
                if math.isnan(loss):
                    break
                best = min(best, loss)
                trial.report(loss, epoch)
                pruned = trial.should_prune()
                if pruned:
                    break
            states = optuna.trial.TrialState
            if pruned:
                study.tell(trial, state=states.PRUNED)
            elif math.isinf(best):
                study.tell(trial, state=states.FAIL)
            else:
                study.tell(trial, best)

    return run


def _halving(optuna, epochs):
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=FACTOR)


def _hyperband_pruner(optuna, epochs):
    return optuna.pruners.HyperbandPruner(1, epochs, FACTOR)


def keras_tuner_hyperband(problem, meter, seed):
    load_keras()  # without TensorFlow's start-up notes
    import keras_tuner

    oracle = keras_tuner.oracles.HyperbandOracle(
        objective=keras_tuner.Objective("loss", "min"),
        max_epochs=problem.epochs,
        factor=FACTOR,
        hyperband_iterations=NO_END,
        seed=seed,
        hyperparameters=contenders.keras_tuner_space(keras_tuner, problem.space),
        max_consecutive_failed_trials=NO_END,
    )
    oracle.verbose = 0
    with tempfile.TemporaryDirectory() as directory:
        oracle._set_project_dir(directory, "p")
        while (trial := oracle.create_trial("tuner0")).status == "RUNNING":
            known = trial.hyperparameters.values
            values = problem.space.walk(lambda p, known=known: known[p.name])
            losses = meter.losses(values, known["tuner/initial_epoch"], known["tuner/epochs"])
            best = min((loss for loss in losses if not math.isnan(loss)), default=None)
            if best is not None:
                oracle.update_trial(trial.trial_id, {"loss": best})
            trial.status = "INVALID" if best is None else "COMPLETED"
            oracle.end_trial(trial)


def smac_hyperband(problem, meter, seed):
    """SMAC3's search by epochs: Hyperband, with points by a random forest.

    It is charged the new epochs alone when it trains a point for longer. A training that has
    diverged before its first loss is told with the worst loss so far, as in its search by trials.
    """
    with contenders.smac_facade(problem, NO_END, seed, epochs=problem.epochs) as facade:
        from smac.runhistory import TrialValue

        trained, worst = {}, 0.0
        while True:
            info = facade.ask()
            point = dict(info.config)
            values = problem.space.walk(
                lambda p, point=point: contenders.configured(p.domain, point[p.name])
            )
            epochs, best = trained.get(info.config, (0, math.inf))
            end = max(epochs, round(info.budget))
            for loss in meter.losses(values, epochs, end):
                best = best if math.isnan(loss) else min(best, loss)
            trained[info.config] = end, best
            if math.isfinite(best):
                worst = max(worst, best)
            facade.tell(info, TrialValue(best if math.isfinite(best) else worst), save=False)


OURS = {
    "random": ours(_random, _full),
    "bayesian": ours(_bayesian, _full),
    "median, bayesian": ours(_bayesian, MedianStopping),
    "Hyperband": ours(_random, _hyperband),
    "Hyperband, bayesian": ours(_bayesian, _hyperband),
    "ASHA": ours(_random, _asha),
    "ASHA, bayesian": ours(_bayesian, _asha),
    "kt.FreezeThaw": _kt_freeze_thaw,
    "stopping ASHA": ours(_random, _stopping_asha),
    "stopping ASHA, bayesian": ours(_bayesian, _stopping_asha),
}
OPTUNA = {
    "Optuna random, ASHA": optuna_with(lambda optuna: optuna.samplers.RandomSampler, _halving),
    "Optuna TPE, Hyperband": optuna_with(
        lambda optuna: optuna.samplers.TPESampler, _hyperband_pruner
    ),
}
KERAS_TUNER = {"KerasTuner Hyperband": keras_tuner_hyperband}
ALL = {**OURS, **OPTUNA, **KERAS_TUNER, "SMAC Hyperband": smac_hyperband}
