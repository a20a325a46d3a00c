from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest

from kerastune_lite._src.core.objective import Objective, Sum
from kerastune_lite._src.views import tables
from kerastune_lite.hyperparameters import Boolean, Condition, Fixed, Float, Int, Parameter, Space
from tests.views.conformance import Terminal
from tests.views.streams import (
    ACCURACY,
    SPACE,
    completed,
    failed,
    on_path,
    rejected,
    repeated,
    trial,
)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def results_text(*args: Any, width: int = tables.WIDTH, **kwargs: Any) -> str:
    return tables.to_text(tables.results_table(*args, **kwargs), width)


def space_text(space: Space) -> str:
    return tables.to_text(tables.space_table(space))


def test_results() -> None:
    trials = [
        completed(0, 0.95, best_step=11, seconds=101.4),
        trial(1),
        completed(2, 0.97123, units_0=128, lr=0.000123456, activation="tanh"),
    ]
    assert lines(results_text(trials, ACCURACY)) == [
        "The best 2 of 3 trials by val_accuracy (max)",
        "",
        "rank   trial   val_accuracy   best epoch   seconds   units_0          lr   activation",
        "─────────────────────────────────────────────────────────────────────────────────────",
        "   1       2         0.9712            5       3.1       128   0.0001235         tanh",
        "   2       0         0.9500           12       101        64      0.0021         relu",
    ]


def test_inactive_hyperparameters_are_dashes() -> None:
    trials = [completed(0, 0.9, layers=1), completed(1, 0.8, layers=2, units_1=None)]
    assert lines(results_text(trials, ACCURACY))[2:] == [
        "rank   trial   val_accuracy   best epoch   seconds   layers   units_1",
        "─────────────────────────────────────────────────────────────────────",
        "   1       0         0.9000            5       3.1        1         –",
        "   2       1         0.8000            5       3.1        2      None",
    ]


def test_spread_over_executions() -> None:
    trials = [repeated(0, [0.90, 0.92, 0.94], units=1), completed(1, 0.8, units=2)]
    assert lines(results_text(trials, ACCURACY))[2:] == [
        "rank   trial   val_accuracy      ±   best epoch   seconds   units",
        "─────────────────────────────────────────────────────────────────",
        "   1       0         0.9200   0.02            5       3.1       1",
        "   2       1         0.8000      –            5       3.1       2",
        "",
        "Trial 0 scored 0.9200 ± 0.02 over 3 trainings (mean ± standard deviation).",
    ]


def test_who_is_within_the_noise_of_the_best() -> None:
    trials = [repeated(0, [0.90, 0.94]), repeated(1, [0.93, 0.90]), repeated(2, [0.91, 0.925])]
    text = " ".join(results_text(trials, ACCURACY).split())
    assert "Trial 0 scored 0.9200 ± 0.028 over 2 trainings" in text
    assert "All 3 best (0, 2, 1) are within the noise of it" in text


def test_many_hyperparameters_share_a_column() -> None:
    values: dict[str, Any] = {f"u{i}": i for i in range(9)}
    assert lines(results_text([completed(0, 0.9, **values)], ACCURACY))[2:] == [
        "rank   trial   val_accuracy   best epoch   seconds   hyperparameters",
        "─" * 97,
        "   1       0         0.9000            5       3.1   "
        "u0=0 u1=1 u2=2 u3=3 u4=4 u5=5 u6=6 u7=7 u8=8",
    ]


def test_hyperparameters_share_a_column_where_the_console_is_narrow() -> None:
    text = results_text([completed(0, 0.9)], ACCURACY, width=80)
    assert lines(text)[2:] == [
        "rank   trial   val_accuracy   best epoch   seconds   hyperparameters",
        "─" * 80,
        "   1       0         0.9000            5       3.1   units_0=64 lr=0.0021",
        "                                                     activation=relu",
    ]


def test_trials_without_hyperparameters() -> None:
    bare = dataclasses.replace(completed(0, 0.9), values={})
    assert lines(results_text([bare], ACCURACY))[2:] == [
        "rank   trial   val_accuracy   best epoch   seconds",
        "──────────────────────────────────────────────────",
        "   1       0         0.9000            5       3.1",
    ]


def test_unknown_epoch_and_time_are_dashes() -> None:
    bare = dataclasses.replace(completed(0, 0.9, units=1), best_step=None, finished=None)
    assert lines(results_text([bare], ACCURACY))[4] == (
        "   1       0         0.9000            –         –       1"
    )


def test_limit_and_total() -> None:
    trials = [completed(i, i / 10) for i in range(20)]
    text = results_text(trials, ACCURACY, limit=3)
    assert text.startswith("The best 3 of 20 trials by")
    assert [line.split()[1] for line in lines(text)[4:]] == ["19", "18", "17"]
    assert lines(results_text(trials, ACCURACY, limit=0)) == ["20 trials"]


def test_the_project_is_named() -> None:
    text = results_text([], ACCURACY, project_dir=Path("runs", "digits"))
    assert lines(text) == ["0 trials, none of them completed", f"in {Path('runs', 'digits')}"]


def test_failures_have_up_to_three_reasons() -> None:
    messages = ["ValueError: a"] * 7 + ["KeyError: b", "c", "d", "e"]
    trials = [failed(i, message) for i, message in enumerate(messages)]
    assert lines(results_text(trials, ACCURACY)) == [
        "11 trials, none of them completed",
        "",
        "11 trials failed:",
        "  ValueError: a (7 trials: 0, 1, 2, 3, 4, …)",
        "  KeyError: b (trial 7)",
        "  c (trial 8)",
        "  and 2 other reasons",
    ]


def test_a_reason_names_the_first_log_of_its_trials() -> None:
    logs = [None, "logs/trial_0001.log", "logs/trial_0002.log"]
    trials = [failed(number, log=log) for number, log in enumerate(logs)]
    assert lines(results_text(trials, ACCURACY))[-1] == (
        "  ValueError: units must be even (3 trials: 0, 1, 2; output in logs/trial_0001.log)"
    )
    assert lines(results_text(trials[1:2], ACCURACY))[-1] == (
        "  ValueError: units must be even (trial 1; output in logs/trial_0001.log)"
    )


def test_how_the_trials_were_trained() -> None:
    trials = [
        *(on_path(completed(i, 0.9 - i / 10, units=i), "shared trace") for i in range(3)),
        on_path(completed(3, 0.1, units=3), "model.fit", "generator\ninput"),
        failed(4),
    ]
    assert lines(results_text(trials, ACCURACY, limit=1))[4:] == [
        "   1       0         0.9000            5       3.1       0",
        "",
        "Trained: 3 trials on a shared trace, 1 with model.fit (generator input)",
        "",
        "1 trial failed:",
        "  ValueError: units must be even (trial 4)",
    ]


def test_no_trials() -> None:
    assert results_text([], ACCURACY) == "0 trials, none of them completed\n"


def test_names_that_look_like_markup_are_shown_as_they_are() -> None:
    values: dict[str, Any] = {"[red]u": "[/b]"}
    text = results_text([completed(0, 0.9, **values)], ACCURACY)
    assert "[red]u" in text
    assert "[/b]" in text


def test_several_objectives_are_named() -> None:
    both = Sum((Objective("val_loss", "min"), ACCURACY))
    text = results_text([completed(0, 0.9)], both)
    assert text.startswith("The best 1 of 1 trial by val_loss (min) + val_accuracy (max)\n")


def test_space() -> None:
    assert lines(space_text(SPACE)) == [
        "The search space has 3 hyperparameters",
        "",
        "hyperparameter   domain                  default",
        "────────────────────────────────────────────────",
        "units_0          Int 32..256 step 32     32",
        "lr               Float 0.0001..0.1 log   0.0001",
        "activation       Choice relu, tanh       relu",
    ]


def test_space_with_conditions() -> None:
    sgd = Condition("optimizer", ("sgd", "rmsprop"))
    space = Space(
        [
            Parameter("bias", Boolean()),
            Parameter("momentum", Float(0.0, 0.95), (sgd, Condition("bias", (True,)))),
            Parameter("kind", Fixed("dense")),
        ]
    )
    assert lines(space_text(space))[2:] == [
        "hyperparameter   domain          default   active when",
        "─" * 87,
        "bias             Boolean         False     always",
        "momentum         Float 0..0.95   0         optimizer is sgd or rmsprop and bias is True",
        "kind             Fixed dense     dense     always",
    ]


def test_empty_space() -> None:
    assert space_text(Space()) == "The search space has 0 hyperparameters\n"
    one = Space([Parameter("u", Int(1, 2))])
    assert space_text(one).startswith("The search space has 1 hyperparameter\n")


# ---------------------------------------------------------------------- printing


def test_prints_120_columns_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    tables.print_results([completed(0, 0.9)], ACCURACY)
    tables.print_space(SPACE)
    expected = results_text([completed(0, 0.9)], ACCURACY) + space_text(SPACE)
    assert capsys.readouterr().out == expected
    assert "\x1b" not in expected


def test_printed_tables_fit_a_notebook(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "in_notebook", lambda: True)
    values: dict[str, Any] = {f"hyperparameter_{i}": i for i in range(12)}
    tables.print_results([completed(0, 0.9, **values)], ACCURACY)
    lengths = [len(line) for line in capsys.readouterr().out.splitlines()]
    assert 90 < max(lengths) <= tables.NOTEBOOK_WIDTH


def test_prints_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    tables.print_results([completed(0, 0.9)], ACCURACY, stream=terminal)
    assert lines(terminal.screen())[:7] == lines(
        results_text([completed(0, 0.9)], ACCURACY, width=80)
    )


def test_prints_to_streams_of_any_encoding() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    tables.write_text(stream, "0.9 – 1.0\n")
    assert raw.getvalue() == b"0.9 ? 1.0\n"


def test_prints_nothing_without_a_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    tables.print_space(SPACE)


# ---------------------------------------------------------------------- numbers and texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00"), (42.4, "0:42"), (59.6, "1:00"), (250, "4:10"), (3723, "1:02:03"), (-1, "0:00")],
)
def test_clock_text(seconds: float, text: str) -> None:
    assert tables.clock_text(seconds) == text


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (
            {"type": "Hyperband", "max_epochs": 27, "factor": 3},
            "Hyperband, max_epochs=27, factor=3",
        ),
        ({"name": "val_loss", "direction": "min"}, "val_loss, direction=min"),
        ({"epochs": 3, "argument 0": "float32[8, 4]"}, "epochs=3, argument 0=float32[8, 4]"),
        (7, "7"),
        (["a", 1.5], '["a", 1.5]'),
    ],
)
def test_settings_are_said_as_they_are_written(setting: Any, text: str) -> None:
    assert tables.setting_text(setting) == text


def test_rejected_trials_are_no_failures() -> None:
    trials = [completed(0, 0.9), rejected(1), failed(2), rejected(3)]
    shown = lines(results_text(trials, ACCURACY))
    assert shown[-4:] == [
        "1 trial failed:",
        "  ValueError: units must be even (trial 2)",
        "2 trials rejected (max_model_size, constraints, FailedTrialError):",
        "  kt.errors.FailedTrialError: too large (2 trials: 1, 3)",
    ]
