"""Who searches in `search_quality.py`, each as it comes.

A contender is `run(problem, trials, seed)`, a generator that yields the values of a trial and is
sent its loss (not finite when the training failed). Settings are everyone's defaults. Ordered
choices go to Optuna as integers, so that it knows of their order, too. SMAC knows conditions of
parameters that have different names, as all of these problems are declared.
"""

import contextlib
import importlib.util
import math
import tempfile
import warnings

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
                values = problem.space.walk(lambda p, known=known: within(p, known.get(p.name)))
                loss = yield values
                if math.isfinite(loss):
                    oracle.update_trial(trial.trial_id, {"loss": loss})
                    trial.status = "COMPLETED"
                else:
                    trial.status = "INVALID"
                oracle.end_trial(trial)

    return run


def within(parameter, value):
    """The value, or the upper limit: its Bayesian search may propose one more, 65 of 4 to 64."""
    domain = parameter.domain
    return min(value, domain.max_value) if isinstance(domain, Int) else value


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


def smac(problem, trials, seed):
    """SMAC3's search for hyperparameters: a random forest, after a Sobol design of a fourth.

    A point is trained once (`deterministic`). Its cost of a failed training is infinity, with which
    its forest ends with an error, so such a trial has the worst loss so far; those before the first
    loss are told with it. It repeats itself only with the same PYTHONHASHSEED. ConfigSpace knows no
    scale like "reverse_log": the position is proposed.
    """
    with smac_facade(problem, trials, seed) as facade:
        from smac.runhistory import StatusType, TrialValue

        worst, failed = -math.inf, []
        for _ in range(trials):
            info = facade.ask()
            known = dict(info.config)
            values = problem.space.walk(lambda p, known=known: configured(p.domain, known[p.name]))
            loss = yield values
            if not math.isfinite(loss):
                failed.append(info)
            else:
                worst = max(worst, loss)
                facade.tell(info, TrialValue(loss), save=False)
            while failed and math.isfinite(worst):
                cost = TrialValue(worst, status=StatusType.CRASHED)
                facade.tell(failed.pop(0), cost, save=False)


@contextlib.contextmanager
def smac_facade(problem, trials, seed, design=None, epochs=None):
    """What SMAC is asked for points, and told.

    Args:
        design: how many points come before the model; None: as it comes.
        epochs: of a full training, for its search by epochs; None: its search by trials.
    """
    from smac import HyperparameterOptimizationFacade, MultiFidelityFacade, Scenario

    # Its expected improvement takes means of nothing.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="numpy")
    if epochs is None:
        facade, trained = HyperparameterOptimizationFacade, lambda config, seed: math.nan
    else:
        facade, trained = MultiFidelityFacade, lambda config, seed, budget: math.nan
    with tempfile.TemporaryDirectory() as directory:
        scenario = Scenario(
            config_space(problem.space),
            deterministic=True,
            n_trials=trials,
            seed=seed,
            output_directory=directory,
            min_budget=None if epochs is None else 1,
            max_budget=epochs,
        )
        yield facade(
            scenario,
            trained,
            initial_design=facade.get_initial_design(scenario, n_configs=design),
            logging_level=False,
        )


def config_space(space):
    """The same space for SMAC; choices are the places in their lists."""
    import ConfigSpace

    made, declared = ConfigSpace.ConfigurationSpace(), {}
    for parameter in space:
        name, domain = parameter.name, parameter.domain
        if isinstance(domain, (Boolean, Choice)):
            places = list(range(len(_listed(domain))))
            ordered = isinstance(domain, Choice) and domain.ordered
            kind = ConfigSpace.OrdinalHyperparameter if ordered else ConfigSpace.Categorical
            declared[name] = kind(name, places)
        elif domain.sampling == "reverse_log":
            declared[name] = ConfigSpace.Float(name, (0.0, 1.0))
        else:
            kind = ConfigSpace.Integer if isinstance(domain, Int) else ConfigSpace.Float
            limits = (domain.min_value, domain.max_value)
            declared[name] = kind(name, limits, log=domain.sampling == "log")
        made.add(declared[name])
        conditions = [
            ConfigSpace.InCondition(
                declared[name],
                declared[condition.name],
                _places(space.named(condition.name)[0].domain, condition.values),
            )
            for condition in parameter.conditions
        ]
        if conditions:
            all_of = ConfigSpace.AndConjunction
            made.add(all_of(*conditions) if len(conditions) > 1 else conditions[0])
    return made


def _listed(domain):
    return (False, True) if isinstance(domain, Boolean) else domain.values


def _places(domain, values):
    """The values as a `ConfigurationSpace` has them."""
    if isinstance(domain, (Boolean, Choice)):
        return [_listed(domain).index(value) for value in values]
    return list(values)


def configuration(config_space, space, values):
    """The values as SMAC knows them."""
    import ConfigSpace

    def told(domain, value):
        if isinstance(domain, (Boolean, Choice)):
            return _places(domain, [value])[0]
        return domain.to_unit(value) if domain.sampling == "reverse_log" else value

    named = {name: told(space.named(name)[0].domain, value) for name, value in values.items()}
    return ConfigSpace.Configuration(config_space, values=named)


def configured(domain, value):
    """What a value of a `ConfigurationSpace` stands for."""
    if isinstance(domain, (Boolean, Choice)):
        return _listed(domain)[int(value)]
    if domain.sampling == "reverse_log":
        return domain.from_unit(float(value))
    return int(value) if isinstance(domain, Int) else float(value)


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
ALL = {**OURS, **OPTUNA, **KERAS_TUNER, "SMAC": smac}


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
    if name.startswith("SMAC"):
        needs.append("smac")
    return next((need for need in needs if importlib.util.find_spec(need) is None), None)
