"""The command `kerastune` on projects at rest: what it prints, where, and its exit codes."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kerastune_lite import Objective, __version__, open_project, tune_function
from kerastune_lite._src.cli.command import main
from kerastune_lite.oracles import GridOracle
from tests.processes import environment
from tests.projects import recorded
from tests.views import streams

ROOT = Path(__file__).parents[2]

COMMANDS = (
    "list",
    "show",
    "watch",
    "best",
    "compare",
    "export",
    "tensorboard",
    "report",
    "dashboard",
    "prune",
    "migrate",
    "completion",
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Four trials with two executions each, one of them failed, one tried again."""
    return recorded(tmp_path_factory.mktemp("runs"), streams.eventful())


def strict(text):
    """What is read by a parser that knows JSON and nothing more."""

    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


# ---------------------------------------------------------------------- list


def test_list_finds_projects_at_any_depth(tmp_path, run):
    recorded(tmp_path / "a" / "b", streams.simple(), "deep")
    recorded(tmp_path, streams.interrupted(), "flat")
    recorded(tmp_path / ".hidden", streams.simple(), "no")
    code, out, err = run("list", tmp_path, "--json")
    rows = strict(out)
    assert (code, err) == (0, "")
    assert [row["directory"] for row in rows] == [
        str(tmp_path / "a" / "b" / "deep"),
        str(tmp_path / "flat"),
    ]
    assert [row["status"] for row in rows] == ["ended", "interrupted"]
    assert [row["trials"] for row in rows] == [{"COMPLETED": 3}, {"RUNNING": 1, "COMPLETED": 1}]
    assert [(row["best_score"], row["best_trial"]) for row in rows] == [(0.9712, 1), (0.9, 0)]
    assert rows[0]["last_change"] == streams.START + 1000

    code, out, _ = run("list", tmp_path)
    line = next(line for line in out.splitlines() if "deep" in line)
    assert code == 0
    assert line.split()[1:6] == ["3", "0.9712", "val_accuracy", "1", "ended"]


def test_list_names_a_damaged_project_and_shows_the_others(tmp_path, run):
    recorded(tmp_path, streams.simple(), "whole")
    (recorded(tmp_path, streams.simple(), "damaged") / "study.sqlite3").write_bytes(b"no" * 90)
    code, out, err = run("list", tmp_path, "--json")
    assert code == 1
    assert [row["directory"] for row in strict(out)] == [str(tmp_path / "whole")]
    assert str(tmp_path / "damaged" / "study.sqlite3") in err
    assert "Traceback" not in err


def test_a_search_whose_process_died_is_told_from_one_that_ended(tmp_path, run):
    recorded(tmp_path, streams.simple()[:-1])
    (row,) = strict(run("list", tmp_path, "--json")[1])
    assert row["status"] == "cut off"
    assert "died" in row["ending"]


def test_list_shows_all_objectives_and_the_size_of_the_front(tmp_path, run):
    tuner = tune_function(
        lambda x: {"near": x, "far": 5 - x, "other": 1},
        {"x": range(4)},
        [Objective("near", "min"), Objective("far", "min")],
        4,
        oracle=GridOracle(),
        directory=tmp_path,
        project_name="both",
        verbose=0,
    )
    assert len(tuner.pareto_front()) == 4
    (row,) = strict(run("list", tmp_path, "--json")[1])
    assert (row["objective"], row["objectives"]) == ("near", ["near", "far"])
    assert (row["front"], row["best_score"]) == (4, 0.0)
    line = next(each for each in run("list", tmp_path)[1].splitlines() if "both" in each)
    assert "near, far" in line
    assert f"{row['best_trial']} (front: 4)" in line


# ---------------------------------------------------------------------- show


def test_show_has_trials_failures_space_settings_and_versions(digits, run):
    code, out, err = run("show", digits, "--top", "2")
    assert (code, err) == (0, "")
    assert out.startswith("ended, 3 completed, 1 failed: max_trials reached\n")
    assert "The best 2 of 4 trials by val_accuracy (max)" in out
    assert "ValueError: units must be even (trial 2)" in out
    assert re.search(r"lr +Float 0\.0001\.\.0\.1 log", out)
    assert "  max_trials: 4\n" in out
    assert "  keras: 3.12.0\n" in out


def test_show_tells_rejected_trials_from_failed_ones(tmp_path, run):
    project = recorded(tmp_path, streams.with_rejections())
    code, out, _ = run("show", project)
    assert code == 0
    assert out.startswith("ended, 1 completed, 3 failed, 2 of the failed rejected (max_model_size")
    assert "2 trials rejected (max_model_size, constraints, FailedTrialError):" in out
    assert "1 trial failed:" in out
    assert strict(run("show", project, "--trial", "1", "--json")[1])["rejected"] is True


def test_show_as_json(digits, run):
    shown = strict(run("show", digits, "--json", "--top", "1")[1])
    assert shown["settings"]["max_trials"] == 4
    assert [parameter["name"] for parameter in shown["space"]][:2] == ["units_0", "lr"]
    (best,) = shown["best"]
    assert (best["trial"], best["score"], best["values"]["dropout"]) == (3, 0.97, 0.25)


def test_show_one_trial_with_the_end_of_its_curves(digits, run):
    out = run("show", digits, "--trial", "3")[1]
    assert out.startswith("Trial 3: COMPLETED, val_accuracy 0.9700, rank 1 of 3\n")
    assert re.search(r"dropout +0\.25\n", out)
    curve = [line.split() for line in out[out.index("epoch ") :].splitlines()[2:]]
    assert curve == [[str(epoch), "1.000", "0.5000"] for epoch in range(1, 6)]

    repeated = run("show", digits, "--trial", "0")[1]
    assert "execution 0: epoch" in repeated
    assert "execution 1: epoch" in repeated


def test_show_a_failed_trial_with_its_traceback(digits, run):
    out = run("show", digits, "--trial", "2")[1]
    assert out.endswith(streams.TRACEBACK + "\n"), "with its indentation"


def test_show_one_trial_as_json(digits, run):
    shown = strict(run("show", digits, "--trial", "1", "--json")[1])
    assert [e["outcome"] for e in shown["executions"]] == ["FAILED", "COMPLETED"]
    assert shown["curves"] == open_project(digits).history(1)


# ---------------------------------------------------------------------- best, export


def test_best_is_what_a_script_can_read(digits, run):
    best = open_project(digits).get_best_trials(2)
    code, out, err = run("best", digits)
    assert (code, strict(out), err) == (0, dict(best[0].values), "")
    assert strict(run("best", digits, "--top", "2")[1]) == [dict(trial.values) for trial in best]
    assert len(strict(run("best", digits, "--top", "1")[1])) == 1


def test_csv_has_a_row_per_trial_and_a_column_per_name(digits, run):
    code, out, _ = run("export", digits, "--to", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    expected = open_project(digits).rows()
    assert code == 0
    assert [row["trial"] for row in rows] == ["0000", "0001", "0002", "0003"]
    assert [row["hp_dropout"] for row in rows] == ["", "", "", "0.25"]
    assert float(rows[3]["score"]) == expected[3]["score"]
    assert rows[2]["failure"] == "ValueError: units must be even"


def test_json_has_everything_and_is_json(tmp_path, run):
    events = streams.simple()
    curves = {"loss": float("nan"), "val_accuracy": 0.25}
    last = [i for i, event in enumerate(events) if isinstance(event, streams.EpochEnded)][-1]
    events[last] = streams.EpochEnded(2, 0, 0, 4, curves)
    project = recorded(tmp_path, events)
    shown = strict(run("export", project, "--to", "json")[1])
    assert [trial["trial"] for trial in shown["trials"]] == [0, 1, 2]
    assert shown["trials"][2]["curves"][0]["loss"] == [1.0, 1.0, 1.0, 1.0, None]
    assert shown["objective"] == "val_accuracy"


@pytest.mark.parametrize("name", [None, "study.db"])
def test_optuna_reads_what_was_exported(digits, tmp_path, run, monkeypatch, name):
    optuna = pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    written = name or "digits.optuna.log"
    code, out, err = run(
        "export", digits, "--to", "optuna", *([] if name is None else ["--output", name])
    )
    assert (code, out, err) == (0, "", f"Written: {written}\n")
    assert [path.name for path in tmp_path.iterdir()] == [written]
    storage = f"sqlite:///{name}"
    if name is None:
        journal = optuna.storages.journal
        storage = optuna.storages.JournalStorage(journal.JournalFileBackend(written))
    study = optuna.load_study(study_name="digits", storage=storage)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2 + ["FAIL", "COMPLETE"]
    assert study.best_trial.number == 3


def test_report_is_a_page_of_its_own(digits, tmp_path, run):
    page = tmp_path / "digits.html"
    for _ in range(2):
        code, out, err = run("report", digits, "--output", page)
        assert (code, out, err) == (0, "", f"Written: {page}\n")
    assert "ValueError: units must be even" in page.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [page]


def test_the_file_of_a_report_may_be_named_after_the_project(digits, tmp_path, run):
    page, other = tmp_path / "digits.html", tmp_path / "other.html"
    assert run("report", digits, page) == (0, "", f"Written: {page}\n")
    assert run("report", digits, "-o", other, "--quiet") == (0, "", "")
    assert page.exists()
    assert other.exists()
    code, out, err = run("report", digits, page, "-o", other)
    assert (code, out) == (1, "")
    assert err == f"kerastune report: The report is one file. Received: {page} and -o {other}.\n"


def test_output_replaces_a_file_whole_and_never_a_project(digits, tmp_path, run, monkeypatch):
    target = tmp_path / "digits.csv"
    target.write_text("what was there")
    code, out, err = run("export", digits, "--to", "csv", "--output", target)
    assert (code, out, err) == (0, "", f"Written: {target}\n")
    assert target.read_bytes().decode() == run("export", digits, "--to", "csv")[1]
    assert list(tmp_path.iterdir()) == [target], "nothing else is left"

    before = (digits / "study.sqlite3").read_bytes()
    own = digits / "study.sqlite3"
    code, _, err = run("export", digits, "--to", "json", "--output", own)
    assert code == 1
    assert "choose another --output" in err
    assert own.read_bytes() == before

    code, _, err = run("export", digits, "--to", "csv", "--output", tmp_path / "no" / "a.csv")
    assert code == 1
    assert "Choose another --output" in err


def test_nothing_in_a_project_is_changed(digits, run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(digits, copy)
    before = (copy / "study.sqlite3").read_bytes()
    for command in (["list"], ["show"], ["show", "--trial", 0], ["best"], ["watch"]):
        assert run(command[0], copy, *command[1:])[0] == 0
    assert run("export", copy, "--to", "json")[0] == 0
    assert (copy / "study.sqlite3").read_bytes() == before
    # Readers of a write-ahead log leave its two files behind, empty.
    assert {path.name for path in copy.iterdir()} <= {
        "study.sqlite3",
        "study.sqlite3-shm",
        "study.sqlite3-wal",
    }


# ---------------------------------------------------------------------- errors


def test_a_folder_of_projects_lists_what_is_there(tmp_path, run):
    for name in ("one", "two"):
        recorded(tmp_path, streams.simple(), name)
    code, out, err = run("show", tmp_path)
    assert (code, out) == (1, "")
    assert err == (
        f"kerastune show: {tmp_path} contains 2 projects; name one of them:\n"
        f"  {tmp_path / 'one'}\n  {tmp_path / 'two'}\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "{empty}"], "There is no project in .*project_name"),
        (["list", "{empty}"], "There is no project in"),
        (["list", "{empty}/no"], "There is no folder"),
        (["best", "{empty}/no"], "There is no folder"),
        (["best", "{failed}"], "There is no result in .* yet"),
        (["best", "{failed}"], "2 of 2 failed.*trial 1: no reason was recorded"),
        (["report", "{failed}"], "There is no result in .* yet.*2 of 2 failed"),
        (["show", "{new}"], "No search was recorded in"),
        (["watch", "{new}"], "No search was recorded in"),
        (["export", "{new}", "--to", "csv"], "No trial was recorded in"),
        (["show", "{failed}", "--trial", "7"], "no trial 7; there are 2, counted from 0"),
    ],
)
def test_errors_are_one_line_and_exit_code_1(tmp_path, run, arguments, says):
    (tmp_path / "empty").mkdir()
    recorded(tmp_path, streams.all_failed(), "failed")
    recorded(tmp_path, [], "new")
    places = {name: tmp_path / name for name in ("empty", "failed", "new")}
    code, out, err = run(*(argument.format(**places) for argument in arguments))
    assert (code, out) == (1, "")
    assert re.fullmatch(rf"kerastune \w+: .*{says}.*\n", err)


def test_debug_shows_where_an_error_came_from(tmp_path):
    with pytest.raises(Exception, match="There is no folder"):
        main(["show", str(tmp_path / "no"), "--debug"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["shwo"],
        ["show", "--top", "0"],
        ["show", "--trial", "x"],
        ["show", "--top", "2", "--trial", "1"],
        ["export"],
        ["export", "--to", "xls"],
        ["tensorboard", "--port", "70000"],
        ["migrate"],
        ["compare"],
        ["compare", "one"],
        ["prune", "--keep", "-1"],
    ],
)
def test_wrong_arguments_are_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    assert "usage: kerastune" in capsys.readouterr().err


def test_a_word_that_is_no_command_gets_a_suggestion(capsys):
    for word, hint in (("shwo", "did you mean 'show'?"), ("xyz", "`kerastune --help` lists them")):
        with pytest.raises(SystemExit):
            main([word, "runs"])
        assert capsys.readouterr().err.endswith(f"there is no command {word!r}; {hint}\n")


def test_the_name_alone_prints_the_help(capsys):
    with pytest.raises(SystemExit):
        main([])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "compare" in printed.err


def test_short_options_are_the_long_ones(digits, tmp_path, run, capsys):
    assert run("best", digits, "-n", 2) == run("best", digits, "--top", 2)
    assert run("show", digits, "-n", 2) == run("show", digits, "--top", 2)
    csv_file = tmp_path / "digits.csv"
    assert run("export", digits, "--to", "csv", "-o", csv_file, "-q") == (0, "", "")
    assert csv_file.exists()
    for option in ("-V", "--version"):
        with pytest.raises(SystemExit) as exit:
            main([option])
        assert exit.value.code == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == f"kerastune_lite {__version__}"


def test_help_tells_of_every_command_codes_and_completion(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--help"])
    out = capsys.readouterr().out
    assert exit.value.code == 0
    lines = re.findall(r"^    ([a-z]+) +[a-zA-Z]", out, re.MULTILINE)
    assert set(lines) == {*COMMANDS}
    assert 'eval "$(kerastune completion bash)"' in out
    assert "130 Ctrl-C" in out
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert f"usage: kerastune {command}" in capsys.readouterr().out


# ---------------------------------------------------------------------- processes

LOADED = """
import contextlib, os, sys
from kerastune_lite._src.cli.command import main
with contextlib.suppress(SystemExit), open(os.devnull, "w") as sys.stdout:
    main(sys.argv[1:])
print(*sys.modules, file=sys.__stdout__)
"""


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list", "{}"], ["show", "{}"], ["prune", "{}"], ["migrate", __file__]],
)
def test_what_is_asked_often_loads_nothing_heavy(digits, arguments):
    filled = [argument.format(digits) for argument in arguments]
    ended = subprocess.run(
        [sys.executable, "-c", LOADED, *filled], capture_output=True, text=True, check=True
    )
    loaded = set(ended.stdout.split())
    assert "kerastune_lite._src.cli.command" in loaded
    heavy = {"tensorflow", "keras", "sklearn", "optuna", "scipy", "pandas", "tensorboard", "shtab"}
    assert not heavy & loaded
    if arguments[0] in ("--help", "migrate"):
        assert not {"numpy", "rich"} & loaded


@pytest.fixture
def on_path(tmp_path):
    """An environment in which `kerastune` is what pyproject.toml makes of it."""
    entry = re.search(r'^kerastune = "(.+):(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    program = tmp_path / "bin" / "kerastune"
    program.parent.mkdir()
    module, function = entry.groups()
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{code}' \"$@\"\n")
    program.chmod(0o755)
    own = environment()
    return {
        **own,
        "PATH": f"{program.parent}:{own['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{own.get('PYTHONPATH', '')}",
    }


needs_bash = pytest.mark.skipif(
    shutil.which("bash") is None or os.name == "nt", reason="there is no bash for `kerastune`"
)


@needs_bash
def test_a_reader_that_goes_away_is_no_error(digits, on_path):
    script = f"kerastune show '{digits}' | head -n 1; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env=on_path
    )
    first, code = ended.stdout.splitlines()
    assert first.startswith("ended")
    assert ended.stderr == ""
    assert code in ("0", "141"), "0 where all was written before `head` left"


COMPLETE = """
eval "$(kerastune completion bash)"
complete -p kerastune > /dev/null || exit 1
complete_line() {
    COMP_WORDS=(kerastune "$@"); COMP_CWORD=$#; COMPREPLY=()
    _shtab_kerastune
    echo "${COMPREPLY[@]}"
}
complete_line sh
complete_line export --to ""
complete_line show --t
complete_line show run
complete_line compare runs run
"""


@needs_bash
def test_one_line_makes_tab_work_in_bash(on_path, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs.txt").touch()
    ended = subprocess.run(
        ["bash", "-c", COMPLETE],
        capture_output=True,
        text=True,
        check=True,
        env=on_path,
        cwd=tmp_path,
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["show", "csv json optuna", "--top --trial", "runs", "runs"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_one_line_makes_tab_work_in_zsh(on_path):
    script = """
autoload -Uz compinit
compinit -u -D
eval "$(kerastune completion zsh)"
print $_comps[kerastune]
"""
    ended = subprocess.run(
        ["zsh", "-f", "-c", script], capture_output=True, text=True, check=True, env=on_path
    )
    assert (ended.stdout, ended.stderr) == ("_shtab_kerastune\n", "")


def test_python_m_is_the_same_program(digits):
    command = [sys.executable, "-m", "kerastune_lite", "best", str(digits)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout)["units_0"] == 128
