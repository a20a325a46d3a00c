"""Who searches in `search_quality.py`, each as it comes.

A contender is `run(problem, trials, seed)`, a generator that yields the values of a trial and is
sent its loss (not finite when the training failed). Settings are everyone's defaults. Ordered
choices go to Optuna as integers, so that it knows of their order, too.
"""

import importlib.util
import math
import tempfile

import numpy as np
from quiet_keras import load_keras

from kerastune_lite.hyperparameters import Boolean, Choice, Int
from kerastune_lite.oracles import Trial, TrialHistory, TrialStatus


def ours(oracle_of):
    def run(problem, trials, seed):
        oracle, history = oracle_of(seed), TrialHistory()
        for number in range(trials):
            (values,) = oracle.propose(
                problem.space, history, 1, np.random.default_rng([seed, number])
            )
            loss = yield values
            history.add(ended(number, values, problem.space, loss))

    return run


def ended(number, values, space, loss):
    """A trial with this loss, failed if it is not finite."""
    if not math.isfinite(loss):
        return Trial(number, values, space, TrialStatus.FAILED)
    return Trial(number, values, space, TrialStatus.COMPLETED, score=loss, loss=loss)


def _random(seed):
    from kerastune_lite.oracles import RandomOracle

    return RandomOracle()


def _sobol(seed):
    from kerastune_lite.oracles import SobolOracle

    return SobolOracle(seed)


def _bayesian(seed):
    from kerastune_lite.oracles import BayesianOracle

    return BayesianOracle(seed=seed)


def _evolution(seed):
    from kerastune_lite.oracles import EvolutionaryOracle

    return EvolutionaryOracle(seed=seed)


def _cma_es(seed):
    from kerastune_lite.oracles import CMAESOracle

    return CMAESOracle(seed=seed)


def optuna_with(sampler_of):
    def run(problem, trials, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=sampler_of(optuna)(seed=seed))
        for _ in range(trials):
            trial = study.ask()
            values = problem.space.walk(lambda p, trial=trial: suggested(trial, p.name, p.domain))
            loss = yield values
            if math.isfinite(loss):
                study.tell(trial, loss)
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)

    return run


def suggested(trial, name, domain):
    """What an Optuna trial suggests for a domain."""
    if isinstance(domain, Boolean):
        return trial.suggest_categorical(name, [False, True])
    if isinstance(domain, Choice):
        if domain.ordered:
            return domain.values[trial.suggest_int(name, 0, len(domain.values) - 1)]
        return trial.suggest_categorical(name, list(domain.values))
    if domain.sampling == "reverse_log":
        return domain.from_unit(trial.suggest_float(name, 0.0, 1.0))
    low, high, log = domain.min_value, domain.max_value, domain.sampling == "log"
    if isinstance(domain, Int):
        return trial.suggest_int(name, low, high, log=log)
    return trial.suggest_float(name, low, high, log=log)


def keras_tuner_with(oracle_of):
    def run(problem, trials, seed):
        load_keras()  # without TensorFlow's start-up notes
        import keras_tuner

        objective = keras_tuner.Objective("loss", "min")
        space = keras_tuner_space(keras_tuner, problem.space)
        oracle = oracle_of(keras_tuner)(
            objective=objective,
            max_trials=trials,
            hyperparameters=space,
            seed=seed,
            # Its Bayesian search ends with an error where trainings diverge: failed trials do not
            # enter into its model, which then proposes their like without end.
            max_consecutive_failed_trials=trials,
        )
        oracle.verbose = 0
        with tempfile.TemporaryDirectory() as directory:
            oracle._set_project_dir(directory, "p")
            for _ in range(trials):
                trial = oracle.create_trial("tuner0")
                known = trial.hyperparameters
                values = problem.space.walk(lambda p, known=known: known.get(p.name))
                loss = yield values
                if math.isfinite(loss):
                    oracle.update_trial(trial.trial_id, {"loss": loss})
                    trial.status = "COMPLETED"
                else:
                    trial.status = "INVALID"
                oracle.end_trial(trial)

    return run


def keras_tuner_space(keras_tuner, space):
    """The same space as KerasTuner's `HyperParameters`."""
    known = keras_tuner.HyperParameters()

    def declare(parameter, conditions):
        if conditions:
            with known.conditional_scope(conditions[0].name, list(conditions[0].values)):
                declare(parameter, conditions[1:])
            return
        name, domain = parameter.name, parameter.domain
        if isinstance(domain, Boolean):
            known.Boolean(name, default=domain.default)
        elif isinstance(domain, Choice):
            known.Choice(name, list(domain.values), ordered=domain.ordered, default=domain.default)
        else:
            method = known.Int if isinstance(domain, Int) else known.Float
            method(name, domain.min_value, domain.max_value, sampling=domain.sampling)

    for parameter in space:
        declare(parameter, parameter.conditions)
    return known


OURS = {
    "random": ours(_random),
    "sobol": ours(_sobol),
    "bayesian": ours(_bayesian),
    "evolution": ours(_evolution),
    "CMA-ES": ours(_cma_es),
}
OPTUNA = {
    "Optuna TPE": optuna_with(lambda optuna: optuna.samplers.TPESampler),
    "Optuna CMA-ES": optuna_with(lambda optuna: optuna.samplers.CmaEsSampler),
    "Optuna GP": optuna_with(lambda optuna: optuna.samplers.GPSampler),
}
KERAS_TUNER = {
    "KerasTuner random": keras_tuner_with(lambda kt: kt.oracles.RandomSearchOracle),
    "KerasTuner Bayesian": keras_tuner_with(lambda kt: kt.oracles.BayesianOptimizationOracle),
}
ALL = {**OURS, **OPTUNA, **KERAS_TUNER}


def missing(name):
    """What would have to be installed for a contender; None if all is there."""
    needs = []
    if name.startswith("Optuna"):
        needs.append("optuna")
    if "CMA-ES" in name:
        needs.append("cmaes")
    if name == "Optuna GP":
        needs.append("torch")
    if name.startswith("KerasTuner"):
        needs.append("keras_tuner")
    return next((need for need in needs if importlib.util.find_spec(need) is None), None)
