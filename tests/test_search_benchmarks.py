"""The search benchmarks run, and compare like with like; who finds what is not tested."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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


def run(name, *arguments):
    ended = subprocess.run(
        [sys.executable, str(BENCHMARKS / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


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


def test_the_median_point_has_a_regret_of_one(modules):
    problems = modules[0]
    for name in problems.names():
        problem, rng = problems.problem(name), np.random.default_rng(5)
        losses = [problem.true_loss(problem.space.sample(rng)) for _ in range(400)]
        losses = [loss if math.isfinite(loss) else math.inf for loss in losses]
        assert 0.7 < problem.regret(np.median(losses)) < 1.3, name


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


def test_trainings_that_diverge_are_not_finite(modules):
    problem = modules[0].problem("digits")
    rng = np.random.default_rng(0)
    found = [problem.true_loss(problem.space.sample(rng)) for _ in range(3000)]
    assert np.isfinite(found).mean() > 0.9
    assert problem.regret(np.nanmin(found)) >= 0.0


# ---------------------------------------------------------------------- contenders


@pytest.mark.parametrize("name", ["random", "sobol", "bayesian", "Optuna TPE"])
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
    quality = modules[2]
    found, _ = quality.regrets("branin", "random", 0, 30)
    assert len(found) == 30
    assert (np.diff(found) <= 0).all()


# ---------------------------------------------------------------------- as scripts


@pytest.mark.slow
def test_search_quality_prints_and_writes_what_it_measured(tmp_path):
    file, image = tmp_path / "measured.json", tmp_path / "regret.svg"
    arguments = ["--quick", "--contenders", "random", "bayesian"]
    printed = run("search_quality.py", *arguments, "--json", file, "--plot", image)
    results = json.loads(file.read_text())["results"]
    assert set(results) == {"branin", "conditional"}
    assert all(len(row["regret"]) == 2 for rows in results.values() for row in rows.values())
    assert "geometric means" in printed
    if importlib.util.find_spec("matplotlib"):
        assert image.stat().st_size > 0
    else:
        assert "needs matplotlib" in printed


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
