"""Oracles that scripts for KerasTuner define, and the tuners that come with them."""

import itertools
import random

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite import synchronized
from kerastune_lite.engine import hyperparameters as hp_module
from kerastune_lite.engine import oracle as oracle_module
from kerastune_lite.engine import trial as trial_module
from kerastune_lite.engine import tuner as tuner_module

RUNNING = trial_module.TrialStatus.RUNNING
STOPPED = trial_module.TrialStatus.STOPPED


def space():
    hp = kt.HyperParameters()
    hp.Int("n", 0, 10)
    hp.Float("x", 0.0, 1.0)
    hp.Fixed("unused", "a")
    return hp


class OwnTuner(tuner_module.Tuner):
    """Sets its attributes before it calls the constructor, as KerasTuner's own tuners do."""

    kind: type

    def __init__(self, hypermodel=None, objective=None, max_trials=10, seed=None, **kwargs):
        self.seed = seed
        of_oracle = {name: kwargs.pop(name) for name in ("hyperparameters",) if name in kwargs}
        self.oracle = self.kind(objective=objective, max_trials=max_trials, seed=seed, **of_oracle)
        super().__init__(oracle=self.oracle, hypermodel=hypermodel, **kwargs)

    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        return {"score": (hp.get("n") - 3) ** 2 + hp.get("x")}


class Evolution(oracle_module.Oracle):
    """Mutates one value of the best of a few recent trials."""

    def __init__(self, objective=None, max_trials=10, seed=None, hyperparameters=None):
        super(Evolution, self).__init__(  # noqa: UP008
            objective=objective, max_trials=max_trials, hyperparameters=hyperparameters, seed=seed
        )
        self.population_size, self.candidates = 3, 2
        self.seed = seed or random.randint(1, 10_000)
        self._seed_state = self.seed
        self._tried_so_far = set()
        self._random_state = np.random.RandomState(self.seed)
        self.mutated = []

    def populate_space(self, trial_id):
        completed = [t for t in self.trials.values() if t.status == "COMPLETED"]
        if len(completed) < self.population_size:
            values = self._random_values()
        else:
            ids = self.end_order[-self.population_size :]
            chosen = self._random_state.choice(self.population_size, self.candidates, replace=False)
            best = min((self.trials[ids[i]] for i in chosen), key=lambda trial: trial.score)
            values = self._mutated(best.hyperparameters)
        return {"status": STOPPED if values is None else RUNNING, "values": values}

    def _mutated(self, parent):
        movable = [
            hp
            for hp in self.hyperparameters.space
            if not isinstance(hp, hp_module.Fixed) and parent.is_active(hp)
        ]
        mutated = self._random_state.choice(movable, 1)[0]
        for _ in range(20):
            hps = hp_module.HyperParameters()
            for hp in self.hyperparameters.space:
                hps.merge([hp])
                if parent.is_active(hp.name) and hp.name != mutated.name:
                    hps.values[hp.name] = parent.values[hp.name]
                else:
                    hps.values[hp.name] = hp.random_sample(self._seed_state)
                    self._seed_state += 1
            tried = self._compute_values_hash(hps.values)
            if tried not in self._tried_so_far:
                self._tried_so_far.add(tried)
                changed = [name for name in hps.values if hps.values[name] != parent.values[name]]
                self.mutated.append(changed)
                return hps.values
        return None

    def get_state(self):
        return {**super().get_state(), "population_size": self.population_size}

    def set_state(self, state):
        super().set_state(state)
        self.population_size = state["population_size"]


class EvolutionTuner(OwnTuner):
    kind = Evolution


def test_evolution_that_goes_on_in_another_process(tmp_path):
    arguments = {"objective": kt.Objective("score", "min"), "seed": 7, "directory": tmp_path}
    first = EvolutionTuner(max_trials=5, hyperparameters=space(), **arguments)
    assert first.seed == 7
    first.search(verbose=0)
    second = EvolutionTuner(max_trials=9, hyperparameters=space(), **arguments)
    assert len(second.oracle.trials) == 5
    second.search(verbose=0)
    assert (len(second.oracle.trials), len(second.oracle.end_order)) == (9, 9)
    assert second.oracle.seed == 7
    assert all(names in (["n"], ["x"]) for names in second.oracle.mutated)
    tried = [tuple(trial.values.items()) for trial in second.trials]
    assert len(set(tried)) == 9


class Swarm(oracle_module.Oracle):
    """Three particles, which move at a constant speed."""

    def __init__(self, hyperparameters, objective=None, **kwargs):
        super().__init__(objective=objective, hyperparameters=hyperparameters, **kwargs)
        self.particles, self.round, self.rounds, self.shown = [], -1, 3, []

    @synchronized
    def start(self):
        for _ in range(3):
            position, velocity = {}, {}
            for hp in self.get_space().space:
                position[hp.name] = hp.random_sample()
                if isinstance(hp, hp_module.Float):
                    velocity[hp.name] = (hp.max_value - hp.min_value) / 10
                elif isinstance(hp, kt.engine.hyperparameters.Int):
                    velocity[hp.name] = hp.step
                else:
                    assert isinstance(hp, hp_module.Fixed)
            self.particles.append({"ended": 0, "position": position, "velocity": velocity})

    def move(self):
        for particle in self.particles:
            for hp in self.get_space().space:
                if not isinstance(hp, hp_module.Fixed):
                    value = particle["position"][hp.name] + particle["velocity"][hp.name]
                    particle["position"][hp.name] = min(value, hp.max_value)

    def populate_space(self, trial_id):
        if all(particle["ended"] > self.round for particle in self.particles):
            self.round += 1
            if self.round == self.rounds:
                return {"status": STOPPED, "values": None}
            if self.round == 0:
                self.start()
            else:
                self.move()
        if int(trial_id) // 3 > self.round:
            return {"status": trial_module.TrialStatus.IDLE, "values": None}
        hp = hp_module.HyperParameters()
        for name, value in self.particles[int(trial_id) % 3]["position"].items():
            hp.Fixed(name, value)
        return {"status": RUNNING, "values": hp.values}

    def update_trial(self, trial_id, metrics, step=0):
        self.particles[int(trial_id) % 3]["ended"] += 1
        return super().update_trial(trial_id, metrics, step)

    def score_trial(self, trial):
        super().score_trial(trial)
        best = self.get_best_trials()
        for name, metric in trial.metrics.metrics.items():
            before = best[0].metrics.metrics[name].get_best_value() if best else None
            self.shown.append((metric.get_best_value(), before))

    def get_state(self):
        return {**super().get_state(), "swarm": {"round": self.round, "particles": self.particles}}


class SwarmTuner(OwnTuner):
    kind = Swarm


def test_a_swarm_that_learns_of_each_trial(tmp_path):
    tuner = SwarmTuner(
        objective=kt.Objective("score", "min"), max_trials=50, hyperparameters=space(),
        directory=tmp_path,
    )  # fmt: skip
    tuner.search(verbose=0)
    trials = list(tuner.oracle.trials.values())
    assert len(trials) == 9
    for before, after in zip(trials[:6], trials[3:], strict=True):
        assert after.hyperparameters.get("n") == min(before.hyperparameters.get("n") + 1, 10)
    scores = [trial.score for trial in trials]
    bests = [None, *itertools.accumulate(scores, min)]
    assert tuner.oracle.shown == list(zip(scores, bests, strict=False))


class Product(oracle_module.Oracle):
    """All combinations, one after the other."""

    combinations = None

    def populate_space(self, trial_id):
        if self.combinations is None:
            self.combinations = list(
                itertools.product(*[hp.values for hp in self.get_space().space])
            )
        number = len(self.trials.items())
        if number == len(self.combinations):
            return {"status": STOPPED, "values": None}
        names = [hp.name for hp in self.hyperparameters.space]
        return {
            "status": RUNNING,
            "values": dict(zip(names, self.combinations[number], strict=True)),
        }


def test_all_combinations(tmp_path):
    class ProductTuner(OwnTuner):
        kind = Product

        def run_trial(self, trial, *args, **kwargs):
            return {
                "accuracy": trial.hyperparameters.get("a") + (trial.hyperparameters["b"] == "x")
            }

    hp = kt.HyperParameters()
    hp.Choice("a", [1, 2, 3])
    hp.Choice("b", ["x", "y"])
    tuner = ProductTuner(
        objective=kt.Objective("accuracy", "max"), max_trials=20, hyperparameters=hp,
        directory=tmp_path,
    )  # fmt: skip
    tuner.search(verbose=0)
    assert [tuple(t.values.values()) for t in tuner.trials] == list(
        itertools.product([1, 2, 3], "xy")
    )
    assert tuner.get_best_hyperparameters()[0].values == {"a": 3, "b": "x"}


class SineCosine(kt.Oracle):
    """The defaults first; later trials from the probabilities of values, with a seed of its own."""

    def __init__(self, objective=None, max_trials=None, seed=None, hyperparameters=None):
        super().__init__(objective, max_trials, hyperparameters, True, True, seed, 0, 3)
        self.population, self.fitness = [{}], np.zeros(3)

    def populate_space(self, trial_id):
        if int(trial_id) == 0:
            return {"status": RUNNING, "values": {}}
        self.seed += 1
        if int(trial_id) == 1:
            self.population = np.array([self._random_values() for _ in range(3)])
            return {"status": RUNNING, "values": self.population[0]}
        last = self.trials[self.start_order[-1]]
        self.fitness[(int(trial_id) - 2) % 3] = last.score
        hps = hp_module.HyperParameters()
        member = self.population[int(trial_id) % 3]
        for hp in self.hyperparameters.space:
            hps.merge([hp])
            if hps.is_active(hp) and not isinstance(hp, hp_module.Fixed):
                probability = hp.value_to_prob(member[hp.name])
                hps.values[hp.name] = hp.prob_to_value(min(probability + 0.1, 0.999))
        self.population[int(trial_id) % 3] = hps.values
        return {"status": RUNNING, "values": hps.values}

    def get_state(self):
        return {**super().get_state(), "fitness": self.fitness.tolist()}


def test_an_oracle_that_counts_its_seed(tmp_path):
    class SineCosineTuner(OwnTuner):
        kind = SineCosine

    tuner = SineCosineTuner(
        objective=kt.Objective("score", "min"), max_trials=7, seed=3,
        hyperparameters=space(), directory=tmp_path,
    )  # fmt: skip
    tuner.search(verbose=0)
    trials = list(tuner.oracle.trials.values())
    assert trials[0].hyperparameters.values == {"n": 0, "x": 0.0, "unused": "a"}
    assert tuner.oracle.seed == 3 + 6
    assert set(tuner.oracle.fitness) == {trial.score for trial in trials[3:6]}


def test_a_searcher_of_another_library_that_stops_trials(tmp_path):
    class Searcher:
        suggested, told = 0, ()

        def suggest(self):
            self.suggested += 1
            return {"n": self.suggested} if self.suggested < 4 else "FINISHED"

    class Asking(kt.Oracle):
        def __init__(self, objective, searcher, max_trials):
            super().__init__(objective=objective, max_trials=max_trials)
            self.searcher = searcher

        def populate_space(self, trial_id):
            config = self.searcher.suggest()
            return {"values": config, "status": "STOPPED" if config == "FINISHED" else "RUNNING"}

    class AskingTuner(kt.Tuner):
        def __init__(self, hypermodel, objective, max_trials, **kwargs):
            self.searcher = Searcher()
            self.oracle = Asking(objective, self.searcher, max_trials)
            self.noted = []
            super().__init__(oracle=self.oracle, hypermodel=hypermodel, **kwargs)

        def run_trial(self, trial, *args, **kwargs):
            n = trial.hyperparameters.get_config()["values"]["n"]
            for epoch in range(5):
                self.oracle.update_trial(trial.trial_id, {"score": n - epoch}, step=epoch)
                if epoch == n:
                    break

        def on_trial_end(self, trial):
            if trial.status == "COMPLETED":
                self.noted.append(trial.metrics.get_best_value("score"))
            return super().on_trial_end(trial)

    tuner = AskingTuner(
        lambda hp: hp.Int("n", 0, 9), kt.Objective("score", "min"), 10, directory=tmp_path
    )
    tuner.search(verbose=0)
    assert tuner.searcher.suggested == 4
    assert [trial.epochs for trial in tuner.trials] == [2, 3, 4]
    assert tuner.noted == [0, 0, 0]


def test_the_oracle_is_not_exchanged_later(tmp_path):
    tuner = EvolutionTuner(hyperparameters=space(), objective="val_loss", directory=tmp_path)
    with pytest.raises(AttributeError, match=r"`oracle` is read only when a tuner is created"):
        tuner.oracle = Evolution("val_loss")


def test_a_seed_of_the_subclass_before_the_search(tmp_path):
    class Seeded(kt.RandomSearch):
        def __init__(self, seed, **kwargs):
            self.seed = seed
            self.rng = np.random.default_rng(self.seed)
            super().__init__(**kwargs)

        def run_trial(self, trial, *args, **kwargs):
            return float(trial.hyperparameters.Int("x", 0, 9))

    tuner = Seeded(5, max_trials=1, directory=tmp_path)
    assert tuner.seed == 5
    tuner.search(verbose=0)
    assert tuner.trials[0].status == "COMPLETED"
