"""KerasTuner's oracles without a tuner: trials are asked for and told by hand."""

import threading

import pytest

import kerastune_lite as kt

LOSS = kt.Objective("loss", "min")


def oracle(kind=kt.oracles.RandomSearchOracle, **kwargs):
    hp = kt.HyperParameters()
    hp.Float("x", -1.0, 1.0)
    return kind(LOSS, hyperparameters=hp, seed=1, **kwargs)


def told(oracle, loss, status="COMPLETED", tuner_id="a"):
    trial = oracle.create_trial(tuner_id)
    if loss is not None:
        oracle.update_trial(trial.trial_id, {"loss": loss})
    trial.status = status
    oracle.end_trial(trial)
    return trial


def test_a_search_by_hand_finds_the_minimum():
    asked = oracle(kt.oracles.BayesianOptimizationOracle, max_trials=15, num_initial_points=4)
    while (trial := asked.create_trial("a")).status == "RUNNING":
        asked.update_trial(trial.trial_id, {"loss": (trial.hyperparameters["x"] - 0.3) ** 2})
        trial.status = "COMPLETED"
        asked.end_trial(trial)
    assert trial.status == "STOPPED"
    assert len(asked.trials) == 15
    assert asked.get_best_trials()[0].hyperparameters["x"] == pytest.approx(0.3, abs=0.05)
    assert asked.get_best_trials()[0].score < 0.01


def test_a_tuner_has_one_trial_at_a_time():
    asked = oracle()
    first = asked.create_trial("a")
    assert asked.create_trial("a") is first
    second = asked.create_trial("b")
    assert asked.ongoing_trials == {"a": first, "b": second}
    asked.end_trial(second.trial_id, "FAILED")
    assert asked.ongoing_trials == {"a": first}
    assert asked.start_order == ["0000", "0001"]
    assert asked.end_order == ["0001"]


def test_an_invalid_trial_is_retried_and_then_failed():
    asked = oracle(max_retries_per_trial=1)
    first = told(asked, None, "INVALID")
    assert told(asked, None, "INVALID") is first
    assert first.status == "FAILED"
    assert told(asked, 0.5) is not first


def test_a_score_that_is_nan_is_invalid():
    asked = oracle()
    trial = told(asked, float("nan"))
    assert trial.status == "FAILED", "no retries are allowed"
    told(asked, 0.5)
    assert [t.score for t in asked.get_best_trials(5)] == [0.5]


def test_too_many_failures_in_a_row():
    asked = oracle(max_consecutive_failed_trials=2)
    told(asked, None, "FAILED")
    told(asked, 0.5)
    told(asked, None, "FAILED")
    with pytest.raises(RuntimeError, match="Number of consecutive failures exceeded the limit of"):
        told(asked, None, "FAILED")


def test_the_objective_must_be_reported():
    asked = oracle()
    trial = asked.create_trial("a")
    with pytest.raises(ValueError, match=r"Objective value missing.*'loss'. Received: accuracy"):
        asked.update_trial(trial.trial_id, {"accuracy": 0.5})


def test_the_best_step_counts():
    asked = oracle()
    trial = asked.create_trial("a")
    for step, loss in enumerate([3.0, 1.0, 2.0]):
        asked.update_trial(trial.trial_id, {"loss": loss}, step=step)
    asked.end_trial(trial.trial_id, "COMPLETE")  # as in KerasTuner 1.0
    assert (trial.score, trial.best_step, trial.status) == (1.0, 1, "COMPLETED")


def test_a_sum_of_objectives():
    both = kt.objectives.Sum([LOSS, kt.Objective("accuracy", "max")])
    asked = kt.oracles.RandomSearchOracle(both)
    trial = asked.create_trial("a")
    asked.update_trial(trial.trial_id, {"loss": 0.5, "accuracy": 0.75})
    trial.status = "COMPLETED"
    asked.end_trial(trial)
    assert trial.score == -0.25


def test_several_objectives_reach_the_oracle_that_proposes():
    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    both = [kt.Objective("near", "min"), kt.Objective("far", "max")]
    asked = kt.oracles.RandomSearchOracle(both, hyperparameters=hp)
    for _ in range(3):
        trial = asked.create_trial("a")
        x = trial.hyperparameters.get("x")
        asked.update_trial(trial.trial_id, {"near": x, "far": -x})
        trial.status = "COMPLETED"
        asked.end_trial(trial)
    history = asked._own.history(asked.objective)
    values = [trial.values["x"] for trial in history]
    assert [trial.losses for trial in history] == [(x, x) for x in values]
    assert history.front()[0].values["x"] == min(values)


def test_what_a_trial_declares_joins_the_space():
    asked = kt.oracles.RandomSearchOracle(LOSS)
    trial = asked.create_trial("a")
    trial.hyperparameters.Int("n", 1, 9)
    asked.end_trial(trial.trial_id, "FAILED")
    assert asked.get_space().space.names == ["n"]
    with pytest.raises(RuntimeError, match=r"`allow_new_entries` is `False`.*: n"):
        oracle(allow_new_entries=False).update_space(trial.hyperparameters)


@pytest.mark.parametrize("name", ["loss", "val_accuracy"])
def test_the_direction_is_keras_knowledge(name):
    asked = kt.oracles.RandomSearchOracle(name)
    assert asked.objective.direction == {"loss": "min", "val_accuracy": "max"}[name]


def test_synchronized_methods_run_one_after_the_other():
    running, most = [], []

    class Counting(kt.oracles.RandomSearchOracle):
        @kt.synchronized
        def create_trial(self, tuner_id):
            running.append(tuner_id)
            most.append(len(running))
            pause.wait(0.01)
            trial = super().create_trial(tuner_id)
            running.remove(tuner_id)
            return trial

    pause = threading.Event()
    asked = oracle(Counting, max_trials=20)
    threads = [threading.Thread(target=asked.create_trial, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
    assert len(asked.trials) == 8


def test_trials_of_ones_own_can_be_added():
    asked = oracle(kt.oracles.GridSearchOracle)
    for x in (0.0, 0.5):
        hp = asked.get_space()
        hp.values["x"] = x
        trial = kt.engine.trial.Trial(hp, status="COMPLETED")
        trial.score = x
        asked.trials[trial.trial_id] = trial
    assert asked.get_best_trials(2)[1].hyperparameters["x"] == 0.5
    assert asked.create_trial("a").hyperparameters["x"] == -1.0
