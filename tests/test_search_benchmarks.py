"""The search benchmarks run, and compare like with like; who finds what is not tested."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.processes import printed_by

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    """The benchmarks' own modules, which are no package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import search_quality
        import search_quality_contenders
        import search_quality_problems
    finally:
        sys.path.remove(str(BENCHMARKS))
    return search_quality_problems, search_quality_contenders, search_quality


@pytest.fixture(scope="module")
def by_epochs(modules):
    return modules[2].by_epochs


@pytest.fixture(scope="module")
def report(modules):
    return modules[2].report


def run(name, *arguments):
    return printed_by(BENCHMARKS / name, *arguments)


# ---------------------------------------------------------------------- problems

BEST = {
    "branin": {"x": math.pi, "y": 2.275},
    "hartmann6": dict(
        zip((f"x{i}" for i in range(6)), (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573))
    ),
    "ackley": {
        "x0": 0.13,
        "x1": -0.41,
        "x2": 0.27,
        "x3": 0.62,
        "n0": 3,
        "n1": 5,
        "s0": True,
        "s1": "b",
    },
    "conditional": {
        "optimizer": "adam",
        "adam_rate": 10**-2.7,
        "beta": 1 - 10**-1.3,
        "layers": 2,
        "units_0": 48,
        "units_1": 68,
    },
}


@pytest.mark.parametrize("name", list(BEST))
def test_the_best_point_has_no_regret(modules, name):
    problem = modules[0].problem(name)
    assert problem.space.complete(BEST[name])
    assert problem.regret(problem.true_loss(BEST[name])) == pytest.approx(0.0, abs=1e-4)


def test_the_median_point_has_a_regret_of_about_one(modules):
    # Tables go by the median of their nodes, which are not spread like random points.
    problems = modules[0]
    for name in problems.names():
        problem, rng = problems.problem(name), np.random.default_rng(5)
        losses = [problem.true_loss(problem.space.sample(rng)) for _ in range(400)]
        losses = [loss if math.isfinite(loss) else math.inf for loss in losses]
        assert 0.6 < problem.regret(np.median(losses)) < 1.5, name


def test_a_table_at_its_nodes_and_between(modules):
    problem = modules[0].problem("digits")
    with np.load(modules[0].tables()["digits"]) as file:
        curves, rates = file["curve"], file["learning_rate"]
        values = {
            "layers": 2,
            "units": int(file["units"][2]),
            "activation": "tanh",
            "batch_size": int(file["batch_size"][1]),
            "momentum": float(file["momentum"][3]),
        }
    nodes = curves[1, 2, 1, 1, :, 3]
    for index in (3, 6):
        found = problem.curve({**values, "learning_rate": float(rates[index])})
        assert found == pytest.approx(nodes[index], rel=1e-5)
    between = problem.curve({**values, "learning_rate": float(np.sqrt(rates[5] * rates[6]))})
    assert between == pytest.approx(np.sqrt(nodes[5] * nodes[6]), rel=1e-5)


def test_accuracies_at_the_nodes_and_between_are_shares_of_whole_samples(modules):
    problem = modules[0].problem("convolutional")
    with np.load(modules[0].tables()["convolutional"]) as file:
        right, rates = file["right"].astype(float), file["learning_rate"]
    values = {"layers": 2, "filters": 8, "kernel": 5, "batch_size": 32, "dropout": 0.25}
    nodes = right[1, 1, 1, 0, :, 1]
    found = problem.accuracies({**values, "learning_rate": float(rates[3])})
    assert found == pytest.approx(nodes[3] / 600)
    between = problem.accuracies({**values, "learning_rate": float(np.sqrt(rates[3] * rates[4]))})
    assert between * 600 == pytest.approx(np.round(between * 600))
    assert between * 600 == pytest.approx((nodes[3] + nodes[4]) / 2, abs=0.51)


def test_a_surrogate_has_curves_for_points_with_and_without_conditions(modules):
    problem, rng = modules[0].problem("optimizers"), np.random.default_rng(0)
    points = [problem.space.sample(rng) for _ in range(50)]
    assert {len(point) for point in points} == {9, 10, 11, 12}
    for point in points:
        curve, accuracies = problem.curve(point), problem.accuracies(point)
        assert curve.shape == accuracies.shape == (27,)
        assert (curve > 0.0).all()
        assert problem.true_loss(point) == curve.min()
        assert ((accuracies >= 0.0) & (accuracies <= 1.0)).all()
        assert problem.regret(problem.true_loss(point)) > -0.01
    assert not np.allclose(problem.curve(points[0]), problem.curve(points[1]))


def test_trainings_that_diverge_are_not_finite(modules):
    problem = modules[0].problem("digits")
    rng = np.random.default_rng(0)
    found = [problem.true_loss(problem.space.sample(rng)) for _ in range(3000)]
    assert np.isfinite(found).mean() > 0.9
    assert problem.regret(np.nanmin(found)) >= 0.0


# ---------------------------------------------------------------------- scales


def test_the_log_scale_has_the_regret_of_the_loss(modules):
    table, scaled = (modules[0].problem(name) for name in ("wine", "wine, log"))
    values = table.space.sample(np.random.default_rng(3))
    assert scaled.loss(values, None) == pytest.approx(math.log(table.loss(values, None)))
    assert scaled.regret(scaled.true_loss(values)) == pytest.approx(
        table.regret(table.true_loss(values))
    )


def test_one_point_in_twenty_diverges_and_always_the_same(modules):
    table, scaled = (modules[0].problem(name) for name in ("wine", "wine, diverged"))
    rng = np.random.default_rng(0)
    points = [table.space.sample(rng) for _ in range(2000)]
    losses = np.array([scaled.true_loss(point) for point in points])
    assert 0.035 < np.isnan(losses).mean() < 0.065
    numpy_s = [
        {n: v if isinstance(v, str) else np.float64(v) for n, v in p.items()} for p in points
    ]
    again = [scaled.true_loss(point) for point in numpy_s[:200]]
    np.testing.assert_array_equal(again, losses[:200])
    for point, loss in zip(points[:200], losses):
        assert math.isnan(loss) or loss == table.true_loss(point)


def test_accuracy_and_error_have_the_same_regret(modules):
    table, accuracy, error = (
        modules[0].problem(f"convolutional{scale}") for scale in ("", ", accuracy", ", error")
    )
    values = table.space.sample(np.random.default_rng(1))
    best = table.accuracies(values).max()
    assert accuracy.loss(values, None) == -best
    assert error.loss(values, None) == pytest.approx(1.0 - best)
    regrets = [each.regret(each.true_loss(values)) for each in (accuracy, error)]
    assert regrets == pytest.approx([table.regret_of_accuracy(best)] * 2)
    assert accuracy.regret(-table.best_accuracy) == 0.0


def test_only_tables_have_scales_and_only_some_of_them_accuracies(modules):
    named = modules[0].named
    assert named("wine", "raw") == "wine"
    assert named("wine", "log") == "wine, log"
    assert named("branin", "log") is None
    assert named("wine", "error") is None
    assert named("convolutional", "error") == "convolutional, error"


# ---------------------------------------------------------------------- contenders


@pytest.mark.parametrize("name", ["random", "sobol", "bayesian", "evolution", "Optuna TPE"])
@pytest.mark.parametrize("problem", ["conditional", "ackley", "digits"])
def test_contenders_propose_points_of_the_space(modules, name, problem):
    problems, contenders, _ = modules
    if contenders.missing(name):
        pytest.skip(f"{contenders.missing(name)} is not installed")
    problem = problems.problem(problem)
    search = contenders.ALL[name](problem, 15, 0)
    values = next(search)
    for number in range(14):
        assert problem.space.complete(values) == values
        values = search.send(math.nan if number % 4 == 3 else float(number))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # theirs
@pytest.mark.parametrize("problem", ["conditional", "ackley", "digits"])
def test_smac_proposes_points_of_the_space_and_survives_failures(modules, problem):
    pytest.importorskip("smac")
    problem, (_, contenders, _) = modules[0].problem(problem), modules
    search, values = contenders.ALL["SMAC"](problem, 12, 0), None
    for number in range(12):
        values = search.send(values and (math.nan if number % 5 == 1 else float(number)))
        assert problem.space.complete(values) == values


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # theirs
@pytest.mark.parametrize("name", ["KerasTuner random", "KerasTuner Bayesian"])
@pytest.mark.parametrize("problem", ["conditional", "ackley"])
def test_keras_tuner_s_oracles_propose_points_of_the_space(modules, name, problem):
    pytest.importorskip("keras_tuner")
    problems, contenders, _ = modules
    problem = problems.problem(problem)
    search = contenders.ALL[name](problem, 6, 1)
    values = next(search)
    for number in range(5):
        assert problem.space.complete(values) == values
        values = search.send(float(number))


def test_regret_is_that_of_the_best_reported_and_never_more(modules):
    steps, _ = modules[2].by_trials(modules[0].problem("branin"), "random", 0, 30)
    trials, regrets = np.array(steps).T
    assert trials[0] == 1
    assert (np.diff(trials) > 0).all()
    assert trials[-1] <= 30
    assert (np.diff(regrets) < 0).all()


# ---------------------------------------------------------------------- by epochs


class Curves:
    """A table of two trainings: one falls with every epoch, one diverges in its third."""

    name, epochs = "curves", 4

    def curve(self, values):
        return np.array([8.0, 4.0, math.nan, math.nan] if values else [9.0, 5.0, 3.0, 2.0])

    def regret(self, loss):
        return loss


def test_a_meter_counts_every_epoch_once_and_keeps_the_best_loss(by_epochs):
    meter = by_epochs.Meter(Curves(), 100)
    assert list(meter.losses({}, 0, 2)) == [9.0, 5.0]
    assert list(meter.losses({}, 2, 4)) == [3.0, 2.0]
    assert (meter.spent, meter.trials) == (4, 1)
    assert meter.steps == [[1, 9.0], [2, 5.0], [3, 3.0], [4, 2.0]]


def test_a_training_that_diverges_ends_with_the_epoch_in_which_it_does(by_epochs):
    meter = by_epochs.Meter(Curves(), 100)
    losses = list(meter.losses({"diverges": True}))
    assert losses[:2] == [8.0, 4.0]
    assert math.isnan(losses[2])
    assert meter.spent == len(losses) == 3
    assert meter.best == 4.0


def test_a_meter_trains_no_epoch_more_than_it_has(by_epochs):
    meter, trained = by_epochs.Meter(Curves(), 3), []
    with pytest.raises(by_epochs.Spent):
        trained.extend(meter.losses({}))
    assert meter.spent == 3
    assert meter.best == 3.0


BY_EPOCHS = ["random", "median, bayesian", "Hyperband", "Hyperband, bayesian", "ASHA, bayesian"]
BY_EPOCHS += ["stopping ASHA, bayesian", "Optuna random, ASHA", "Optuna TPE, Hyperband"]
BY_EPOCHS += ["kt.FreezeThaw", "SMAC Hyperband"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # SMAC's
@pytest.mark.parametrize("name", BY_EPOCHS)
@pytest.mark.parametrize("problem", ["digits", "wine"])
def test_all_epochs_are_spent_and_the_best_loss_is_one_that_was_seen(
    modules, by_epochs, name, problem
):
    if modules[1].missing(name):
        pytest.skip(f"{modules[1].missing(name)} is not installed")
    problem, trained = modules[0].problem(problem), {}

    class Watched(by_epochs.Meter):
        def losses(self, values, start=0, end=None):
            point = tuple(values.items())
            for loss in super().losses(values, start, end):
                trained.setdefault(point, []).append(loss)
                yield loss

    meter = Watched(problem, 60)
    with pytest.raises(by_epochs.Spent):
        by_epochs.ALL[name](problem, meter, 0)
    assert meter.spent == 60 == sum(len(losses) for losses in trained.values())
    assert meter.best == np.nanmin([loss for losses in trained.values() for loss in losses])
    for point, losses in trained.items():
        # Resumed, not trained again: each epoch of a point comes once, and in its order.
        assert problem.space.complete(dict(point)) == dict(point)
        np.testing.assert_array_equal(losses, problem.curve(dict(point))[: len(losses)])


def test_the_same_seed_searches_the_same(modules):
    problem = modules[0].problem("wine")
    for name in ("Hyperband, bayesian", "ASHA, bayesian"):
        first, again, other = (modules[2].by_epoch(problem, name, s, 50)[0] for s in (1, 1, 2))
        assert first == again
        assert first != other


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # theirs
def test_keras_tuner_s_hyperband_is_charged_what_it_trains(modules, by_epochs):
    pytest.importorskip("keras_tuner")
    problem, segments = modules[0].problem("digits"), []

    class Watched(by_epochs.Meter):
        def losses(self, values, start=0, end=None):
            segments.append((start, end))
            return super().losses(values, start, end)

    meter = Watched(problem, 80)
    with pytest.raises(by_epochs.Spent):
        by_epochs.ALL["KerasTuner Hyperband"](problem, meter, 0)
    assert meter.spent == 80
    assert {(0, 1), (1, 3), (3, 9)} <= set(segments)
    assert meter.trials == sum(start == 0 for start, _ in segments)


@pytest.mark.slow
def test_a_model_helps_hyperband(modules):
    """One-sided, with a margin: over ten seeds the gain is 0.11 on average, and 0.07 its spread."""
    problem, gains = modules[0].problem("breast_cancer"), []
    for seed in range(6):
        drawn, modelled = (
            modules[2].run("epochs", problem.name, name, seed, 150)[0][-1][1]
            for name in ("Hyperband", "Hyperband, bayesian")
        )
        gains.append(drawn - modelled)
    error = np.std(gains, ddof=1) / math.sqrt(len(gains))
    assert np.mean(gains) > 0.04
    assert np.mean(gains) > 2 * error


# ---------------------------------------------------------------------- the report


def test_regret_between_steps_is_that_of_the_last_one(report):
    steps = [[2, 0.8], [5, 0.3]]
    assert [report.at(steps, place) for place in (1, 2, 4, 5, 9)] == [1.0, 0.8, 0.8, 0.3, 0.3]


def test_geometric_means_and_their_errors(report):
    def entry(*regrets):
        return {"budget": 10, "steps": [[[1, regret]] for regret in regrets], "ms": []}

    same = entry(0.5, 0.5)
    assert report.geometric_mean([same, same], 10) == (pytest.approx(0.5), 0.0)
    mean, error = report.geometric_mean([entry(0.1, 0.3), entry(0.8, 0.8)], 10)
    assert mean == pytest.approx(0.4)
    assert error == pytest.approx(0.4 * (0.1 / 0.2) / 2)
    floored, _ = report.geometric_mean([entry(0.0, 0.0), entry(1.0, 1.0)], 10)
    assert floored == pytest.approx(math.sqrt(report.FLOOR))


def test_the_best_peer_is_another_one_on_each_problem(report):
    def entries(ours, *peers):
        found = {"ours": ours, "Optuna": peers[0], "KerasTuner": peers[1]}
        return {name: {"steps": [[[1, regret]]] * 2} for name, regret in found.items()}

    problems = [entries(0.2, 0.4, 0.8), entries(0.1, 0.9, 0.8)]
    ratio, error = report.against_the_best_peer(problems, "ours", 5)
    assert ratio == pytest.approx(math.sqrt(0.2 / 0.4 * 0.1 / 0.8))
    assert error == 0.0
    ratio, error = report.against_the_best_on_average(problems, "ours", 5)
    assert ratio == pytest.approx(math.sqrt(0.2 / 0.4 * 0.1 / 0.9))
    assert error == 0.0


def test_what_is_kept_is_what_was_measured(report, tmp_path):
    row = {"budget": 3, "steps": [[[1, 0.5], [3, 0.25]], []], "ms": [1.0, 2.0]}
    results = {"trials": {"branin": {"random": row, "sobol": row}}, "machine": "2 cores"}
    report.write(results, tmp_path / "kept.json")
    assert json.loads((tmp_path / "kept.json").read_text()) == results
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


# ---------------------------------------------------------------------- as scripts


@pytest.mark.slow
def test_warm_start_prints_and_keeps_what_it_measured(tmp_path):
    file = tmp_path / "measured.json"
    arguments = ("--quick", "--former", "related", "misleading", "--json", file)
    printed = run("warm_start.py", *arguments)
    results = json.loads(file.read_text())
    assert list(results) == ["nothing", "related", "misleading"]
    for rows in results.values():
        assert all(len(regrets) == 10 for regrets in rows["digits"].values())
        assert all(sorted(each, reverse=True) == each for each in rows["digits"].values())
    assert " cores" in printed.splitlines()[0], "the size of the machine"
    assert printed.count("related") == 2, "of the table, and the mean"
    # What is kept is not measured again.
    results["nothing"]["digits"]["0"] = [0.5] * 10
    file.write_text(json.dumps(results))
    run("warm_start.py", *arguments)
    assert json.loads(file.read_text()) == results


def test_former_projects_are_what_they_are_called(modules, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import warm_start

    table = modules[0].problem("breast_cancer")
    values = table.space.sample(np.random.default_rng(0))
    (related,), (misleading,) = (
        warm_start.former_searches(former, "digits", 0) for former in ("related", "misleading")
    )
    assert related[0] is misleading[0] is table
    assert misleading[1](**values) == -related[1](**values) == -table.true_loss(values)
    ((space, function),) = warm_start.former_searches("unrelated", "digits", 0)
    assert function(**values) != warm_start.unrelated(space, 1)(**values)
    assert len(warm_start.former_searches("all others", "digits", 0)) == 4


def test_search_quality_prints_and_keeps_what_it_measured(tmp_path):
    file, image = tmp_path / "measured.json", tmp_path / "regret.svg"
    arguments = ["--quick", "--contenders", "random", "bayesian", "Hyperband"]
    arguments += ["--json", file, "--plot", image]
    printed = run("search_quality.py", *arguments)
    results = json.loads(file.read_text())
    assert set(results["trials"]) == {"branin", "conditional", "wine"}
    assert {name: set(rows) for name, rows in results["epochs"].items()} == {
        "wine": {"random", "bayesian", "Hyperband"}
    }
    assert {name: set(rows) for name, rows in results["cost"].items()} == {
        "wine": {"random", "bayesian"}
    }
    for kind in ("trials", "epochs", "cost"):
        for rows in results[kind].values():
            assert all(len(row["steps"]) == len(row["ms"]) == 2 for row in rows.values())
    assert "geometric mean" in printed
    assert " cores" in printed.splitlines()[0], "the size of the machine"
    if importlib.util.find_spec("matplotlib"):
        assert image.stat().st_size > 0
    else:
        assert "needs matplotlib" in printed

    # What is kept is not measured again: a third seed is added to the two.
    results["trials"]["branin"]["random"]["ms"] = [-1.0, -2.0]
    file.write_text(json.dumps(results))
    run("search_quality.py", *arguments, "--seeds", 3)
    kept = json.loads(file.read_text())["trials"]["branin"]["random"]
    assert kept["ms"][:2] == [-1.0, -2.0]
    assert len(kept["steps"]) == 3
    assert kept["steps"][:2] == results["trials"]["branin"]["random"]["steps"]


def test_search_goals_prints_and_keeps_what_it_measured(tmp_path):
    file = tmp_path / "goals.json"
    arguments = ["--problems", "gramacy", "zdt1", "--seeds", 2, "--trials", 15, "--json", file]
    run("search_goals.py", *arguments, "--contenders", "random")
    before = json.loads(file.read_text())
    printed = run("search_goals.py", *arguments, "--contenders", "random", "Optuna GP", "CMA-ES")
    results = json.loads(file.read_text())
    for name in ("gramacy", "zdt1"):
        assert results[name]["random"] == before[name]["random"], "it is not measured again"
        runs = results[name]["CMA-ES"]["runs"]
        assert [len(regrets) for regrets in runs] == [15, 15]
        assert all(regrets == sorted(regrets, reverse=True) for regrets in runs)
    (row,) = (line for line in printed.splitlines() if line.startswith("| zdt1"))
    if importlib.util.find_spec("torch") is None:
        assert "Optuna GP is not complete: torch is not installed" in printed
        assert row.split("|")[3] == " – "
    else:
        assert "not installed" not in printed
    assert " cores" in printed.splitlines()[0], "the size of the machine"


def test_the_best_points_of_several_goals_leave_no_regret(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import search_goals

    for name in ("zdt1", "zdt3", "conditional", "gramacy"):
        goal = search_goals.PROBLEMS[name]()
        allowed = [p for p in goal.points if all(e <= 0.0 for e in goal.excesses(p))]
        yardstick = search_goals.Yardstick(goal)
        losses = [goal.losses(point) for point in allowed]
        assert yardstick.regret(losses) == pytest.approx(0.0, abs=1e-3)
        assert yardstick.regret([]) == 1.0
    assert min(a for (a,) in losses) == pytest.approx(0.5998, abs=2e-3)


def test_search_goals_by_epochs_counts_each_epoch_once(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import search_goals_epochs
    import search_quality_epochs

    meter = search_goals_epochs.Meter("digits", 1000)
    with pytest.raises(search_quality_epochs.Spent):
        search_goals_epochs.CONTENDERS["ASHA"](meter, 0)
    assert meter.spent == 1000
    assert len(meter.regrets) == 3
    assert 1.0 > meter.regrets[0] > meter.regrets[1] > meter.regrets[2] > 0.0
    full = search_goals_epochs.Meter("digits", 54)
    with pytest.raises(search_quality_epochs.Spent):
        search_goals_epochs.CONTENDERS["random"](full, 0)
    assert len(full._best) == 2, "the table has 27 epochs"


@pytest.mark.slow
def test_suggest_cost_prints_a_line_per_contender():
    printed = run("suggest_cost.py", "--trials", 12, 20, "--proposals", 2)
    assert {"random", "sobol", "bayesian"} <= {line.split()[0] for line in printed.splitlines()}


@pytest.mark.slow
def test_make_tables_writes_what_search_quality_reads(tmp_path):
    run("make_tables.py", "wine", "--points", 1, "--to", tmp_path)
    with np.load(tmp_path / "wine_curves.npz") as file:
        curves = file["curve"].astype(float)
    # One structure and batch size, with all rates; the highest ones diverge.
    begun = np.isfinite(curves).any(axis=-1)
    assert begun.sum() > 24
    assert begun[0, 0, 0, 0].sum() == begun.sum()
    assert curves.shape[-1] == 27


@pytest.mark.slow
def test_make_tables_fits_a_surrogate_that_search_quality_reads(modules, tmp_path, monkeypatch):
    printed = run("make_tables.py", "optimizers", "--points", 2, "--to", tmp_path)
    assert "rank correlations" in printed
    monkeypatch.syspath_prepend(BENCHMARKS)
    from search_quality_surrogate import Surrogate

    made = Surrogate(tmp_path / "optimizers_surrogate.npz")
    point = made.space.sample(np.random.default_rng(0))
    assert made.curve(point).shape == (27,)
    assert made.best < made.median
    assert made.best_accuracy > made.median_accuracy


@pytest.mark.slow
def test_make_tables_counts_right_samples(tmp_path):
    run("make_tables.py", "recurrent", "--points", 1, "--to", tmp_path)
    with np.load(tmp_path / "recurrent_curves.npz") as file:
        losses, right = file["curve"].astype(float)[0, 0, 0], file["right"][0, 0, 0]
        assert file["samples"] == 600
    assert np.isfinite(losses).all()
    assert right.shape == losses.shape == (7, 3, 27)
    assert right.max() > 300 > right.min() > 0, "a fourth of four classes is right by chance"


@pytest.mark.slow
def test_overtuning_counts_what_was_measured(tmp_path):
    file = tmp_path / "measured.json"
    printed = run("overtuning.py", "--quick", "--json", file)
    rows = json.loads(file.read_text())
    assert len(rows) == 4
    lines = {line[:28].strip(): line[28:].split() for line in printed.splitlines()}
    assert lines["networks all"][0] == "1"
    assert lines["tables all"][0] == "3"
    for row in rows.values():
        assert row["held"].keys() == {"start", "best", "leader"}
        assert row["winner"] in row["numbers"].values()
    assert run("overtuning.py", "--quick", "--json", file) == printed
