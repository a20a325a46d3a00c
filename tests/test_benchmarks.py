"""The benchmarks run, and compare like with like; how long anything takes is not tested."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.processes import printed_by

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.slow


def run(name, *arguments):
    return printed_by(BENCHMARKS / name, *arguments)


def test_throughput(tmp_path):
    """One test: two that share the run may be in two processes, and each would run it."""
    pytest.importorskip("keras_tuner")
    file = tmp_path / "measured.json"
    printed = run("throughput.py", "--quick", "--rows", 1, 7, "--rounds", 2, "--json", file)
    rows = json.loads(file.read_text())["rows"]
    check_a_line_per_row_and_table(printed)
    check_the_contenders_do_the_same(rows)
    check_the_parts_of_our_time_are_those_of_the_trials(rows)


def test_zoo(tmp_path):
    pytest.importorskip("keras_tuner")
    file = tmp_path / "measured.json"
    printed = run("zoo.py", "--quick", "--kinds", "autoencoder", "--rounds", 1, "--json", file)
    (kind,) = json.loads(file.read_text())["kinds"]
    for measured in kind["contenders"].values():
        assert len(measured["trials"]) == len(measured["scores"]) == 3
        assert all(0.0 < score < 0.5 for score in measured["scores"]), "squared errors"
    line = next(line.split() for line in printed.splitlines() if line.strip().startswith("auto"))
    assert float(line[3]) == pytest.approx(float(line[1]) / float(line[2]), rel=0.02)
    assert line[-1] == "NumPy"


def check_a_line_per_row_and_table(printed):
    assert " cores" in printed.splitlines()[0], "the size of the machine"
    comparison, _, rest = printed.partition("Where our time goes")
    lines = [line.split() for line in comparison.splitlines()]
    digits = next(line for line in lines if line[:2] == ["1", "digits,"])
    keras_tuner, plain, ours, ratio, plain_ratio, floor, above = map(float, digits[5:])
    assert ratio == pytest.approx(keras_tuner / ours, rel=0.02)
    assert plain_ratio == pytest.approx(plain / ours, rel=0.02)
    assert above == pytest.approx(ours / floor, rel=0.02)
    assert any(line[:2] == ["7", "regression"] for line in lines)
    assert "Peak memory" in rest


def check_the_contenders_do_the_same(rows):
    digits, regression = rows
    assert len(digits["values"]) == len(digits["floor"]) == 3
    for row in rows:
        for name, measured in row["contenders"].items():
            assert measured["numbers"] == [0, 1, 2], name
            assert len(measured["trials"]) == len(measured["scores"]) == 3, name
            assert measured["memory_peak"] >= measured["memory_at_start"] > 100, "in MB"
    for name, measured in digits["contenders"].items():
        assert all(0.05 < score <= 1.0 for score in measured["scores"]), f"accuracies of {name}"
    for name, measured in regression["contenders"].items():
        assert all(0.1 < score < 10.0 for score in measured["scores"]), f"losses of {name}"


def check_the_parts_of_our_time_are_those_of_the_trials(rows):
    for row in rows:
        ours = row["contenders"]["ours"]
        assert ours["scores"] == ours["again"]["scores"], "the second search is the same"
        for search in (ours, ours["again"]):
            assert sum(search["paths"].values()) == len(search["trials"]) == 3
            for trial in search["trials"]:
                assert trial["parts"].keys() == {"build", "training"}
                assert all(seconds > 0 for seconds in trial["parts"].values())
                assert sum(trial["parts"].values()) <= trial["seconds"], "no time is counted twice"


def test_overhead():
    pytest.importorskip("keras_tuner")
    pytest.importorskip("optuna")
    small = ("--trials", 8, "--slow-trials", 8, "--reopen", 8, "--rounds", 1)
    printed = run("overhead.py", *small)
    for tool in ("kerastune_lite", "KerasTuner", "Optuna in memory", "Optuna on SQLite"):
        line = next(line for line in printed.splitlines() if line.startswith(tool + " "))
        early, late, trials, ratio = line.removeprefix(tool).split()
        assert min(map(float, (early, late))) > 0.0
        assert int(trials) == 8
        assert float(ratio) >= 0.0
    assert "reopening a project of 8 trials" in printed


def test_scaling(tmp_path):
    pytest.importorskip("keras_tuner")
    file = tmp_path / "measured.json"
    small = ("--trials", 2, "--epochs", 1, "--empty-seconds", 1, "--repeats", 1, "--workers", 1)
    tasks = ("digits", "empty function")
    present = ("--contenders", "inline", "KerasTuner", "--tasks", *tasks)
    printed = run("scaling.py", *small, *present, "--json", file)
    assert " cores" in printed.splitlines()[0], "the size of the machine"
    measured = {(r["task"], r["contender"]): r for r in json.loads(file.read_text())["runs"]}
    assert set(measured) == {*((task, "inline") for task in tasks), ("digits", "KerasTuner")}
    for (task, _), found in measured.items():
        assert found["counted"] == 2 or task == "empty function"
        assert found["rate"] > 0.0
        assert found["all_warm"] >= found["first_trial"] > 0.0
    line = next(line for line in printed.splitlines() if line.startswith("inline"))
    rate, to_itself, to_keras_tuner, _, _ = map(float, line.split()[1:])
    assert to_itself == 1.0
    peer = measured["digits", "KerasTuner"]["rate"]
    assert to_keras_tuner == pytest.approx(rate / peer, rel=0.05)


@pytest.fixture
def scaling(monkeypatch):
    """The modules of scaling.py, which are no package."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import scaling
    import scaling_contenders

    return scaling, scaling_contenders


def test_scaling_warms_each_worker_up_with_two_trials_of_each_structure(scaling):
    _, contenders = scaling
    row = contenders.TASKS["digits"]
    trials = contenders.trials_of(row, 5, workers=3)
    for cycle in trials.cycles:
        met = Counter(tuple(values[name] for name in row.structure) for values in cycle)
        assert list(met.values()) == [6] * 6
    assert (len(trials.counted), len(trials.tail)) == (5, 3)


def test_scaling_counts_trials_after_a_cycle_in_which_all_workers_were_there(scaling):
    _, contenders = scaling
    cycles = [[{"n": 10 * i}, {"n": 10 * i + 1}] for i in range(5)]
    ready = iter([False, True])
    trials = contenders.Trials(cycles, [{"n": 90}], [{"n": 91}])
    oracle = contenders.Listed(trials, lambda: next(ready))
    tried: list = []
    while points := oracle.propose(None, tried, 1, None):
        tried += points
    assert [point["n"] for point in tried] == [0, 1, 10, 11, 90, 91]
    assert oracle.warm_up == 4


def test_scaling_compares_searches_of_one_repeat(scaling, capsys):
    rates = {
        ("digits", "inline"): [4.0, 6.0, 5.0],
        ("digits", "1 worker"): [3.9, 5.8, 4.9],
        ("digits", "2 workers"): [7.0, 10.8, 10.0],
        ("digits", "KerasTuner"): [0.5],
        ("empty function", "inline"): [1000.0],
        ("empty function", "2 workers"): [500.0],
    }
    runs = [
        {"task": t, "contender": c, "repeat": i, "rate": rate, "first_trial": 1.0, "all_warm": 7.0}
        for (t, c), own in rates.items()
        for i, rate in enumerate(own)
    ]
    scaling[0].print_goals(runs)
    lines = [line.rsplit("  ", 1)[0].split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [line[-1] for line in lines] == ["1.86", "1.80", "14.00", "7.00", "1.00"]
    assert [line[0] for line in lines] == ["digits:"] * 4 + ["ms"]


def test_scaling_simulated(tmp_path):
    file = tmp_path / "measured.json"
    sizes = ("--finished", 9, "--workers", 1, 5, "--decisions", 2, "--written", 20, "--rounds", 1)
    printed = run("scaling_simulated.py", *sizes, "--durations", 60, "--json", file)
    assert " cores" in printed.splitlines()[0], "the size of the machine"
    measured = json.loads(file.read_text())
    deciders = {"random search", "evolution", "Bayesian", "random, ASHA", "random, Hyperband"}
    assert measured["decisions"]["9"].keys() == deciders
    assert all(cost > 0.0 for both in measured["decisions"]["9"].values() for cost in both)
    assert measured["trial"] > 0.0
    assert measured["workers"].keys() == {f"{name}, 60 s" for name in deciders}
    assert all(0.9 < share <= 1.0 for both in measured["workers"].values() for share in both)


def test_simulated_workers_share_one_server(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from scaling_simulated import busy_up_to, utilisation

    assert utilisation(1, 10.0, 1.0) == pytest.approx(10 / 11, rel=0.03)
    assert utilisation(10, 10.0, 0.0) == pytest.approx(1.0)
    assert utilisation(1000, 10.0, 0.1) == pytest.approx(100 / 1000, rel=0.03)
    assert busy_up_to(0.9, 9.0, [1, 1000], [0.1, 0.1]) == "100"
    assert busy_up_to(0.9, 9.0, [1, 10], [0.1, 0.1]) == "over 10"
    assert busy_up_to(0.9, 1.0, [1, 10], [9.0, 9.0]) == "none"


def test_views_measures_what_was_asked_for():
    trials = (2, 12)
    views = ("show", "report", "TensorBoard")
    printed = run("views.py", "--trials", *trials, "--epochs", 2, "--rounds", 1, "--views", *views)
    lines = printed.splitlines()
    assert " cores" in lines[0], "the size of the machine"
    assert lines[3].split() == [str(count) for count in trials]
    assert [line.split()[0] for line in lines[4:]] == list(views)
    assert all(float(cell) > 0.1 for line in lines[4:] for cell in line.split()[1:])


def test_population():
    options = ("--epochs", 6, "--members", 4, "--interval", 2, "--seeds", 1)
    printed = run("population.py", *options)
    assert " cores" in printed.splitlines()[0], "the size of the machine"
    rows = {line.split()[0]: line.split() for line in printed.splitlines()[2:]}
    assert list(rows) == ["population", "random", "Bayesian", "ASHA"]
    trained = {name: float(row[5]) for name, row in rows.items()}
    assert trained["population"] == trained["random"] == trained["Bayesian"] == 4 * 6
    assert 24 <= trained["ASHA"] < 24 + 6
    assert {rows[name][6] for name in ("random", "Bayesian", "ASHA")} == {"1.0"}


def test_by_time():
    names = ("kt.Tuner", "kt.FreezeThaw")
    options = ("--networks", "dense", "--seconds", 4, 1, "--seeds", 1, "--contenders", *names)
    printed = run("by_time.py", *options)
    rows = [line.split() for line in printed.splitlines() if line.startswith("kt.")]
    assert [name for name, *_ in rows] == list(names)
    for _, soon, _, late, _ in rows:
        assert 0 < float(late) <= float(soon) <= 2.31, "what was found stays found"


def test_gradients():
    printed = run("gradients.py", "--trials", 3, "--seeds", 1)
    lines = [line.split() for line in printed.splitlines()]
    (share,) = (float(line[-3]) for line in lines if line[-2:] == ["plain", "trainings"])
    assert share > 1, "a gradient is not for nothing"
    for name in ("gradient", "Bayesian", "random"):
        by_trials, _ = (line for line in lines if line[:1] == [name])
        losses = [float(cell) for cell in by_trials[1::2]]
        assert losses == sorted(losses, reverse=True)
