"""The sections of a report, each a function of what was searched."""

from __future__ import annotations

import collections
import os
from collections.abc import Iterable, Mapping, Sequence

from kerastune_lite._src.analysis import importances as importance
from kerastune_lite._src.analysis.certainty import certainty
from kerastune_lite._src.analysis.curves import fan
from kerastune_lite._src.core.best_trials import why_none
from kerastune_lite._src.core.former import FORMER
from kerastune_lite._src.core.lineage import schedule as schedule_of
from kerastune_lite._src.core.ranked import front_of
from kerastune_lite._src.core.scored_trials import scored
from kerastune_lite._src.core.trial import REJECTED, Trial
from kerastune_lite._src.util.formatting import (
    NOTHING,
    counted,
    moment_text,
    score_text,
    value_text,
)
from kerastune_lite._src.views.plots.lines import drawing, scores_of
from kerastune_lite._src.views.report import charts
from kerastune_lite._src.views.report.searched import Searched
from kerastune_lite._src.views.report.svg import escaped
from kerastune_lite._src.views.tables import (
    clock_text,
    failures_of,
    numbers_text,
    objective_text,
    ranked,
    setting_text,
    trial_columns,
    value_names,
)
from kerastune_lite._src.views.training_paths import paths_line

BEST = 20
"""How many of the best trials are listed."""


def overview(searched: Searched) -> str:
    """How many trials there are, and when they were trained; plain text."""
    counts = collections.Counter(trial.status.value.lower() for trial in searched.trials)
    ended = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    started = [trial.started for trial in searched.trials if trial.started is not None]
    spent = sum(trial.seconds or 0.0 for trial in searched.trials)
    parts = [f"{len(searched.trials)} trials" + (f" ({ended})" if ended else "")]
    parts.append(f"by {objective_text(searched.objective)}")
    if started:
        parts.append(f"begun {moment_text(min(started))}, {clock_text(spent)} of training")
    return "; ".join(parts)


def result(searched: Searched) -> str:
    """The best trials, and how certain the first of them is."""
    best = ranked(searched.trials)
    if not best:
        return _section("Result", _paragraph("No trial has been completed."))
    sure = certainty(searched.trials, searched.objective)
    first = best[0]
    name = searched.objective.name
    if first.violation:
        said = [_paragraph(why_none(searched.trials), "warn")]
    elif first.losses:
        count = counted(len(front_of(best)), "trial")
        said = [
            _paragraph(
                f"No other trial dominates the first {count}: none is better in one of the "
                "objectives without being worse in another."
            )
        ]
    elif sure is None:
        said = [
            _paragraph(f"Trial {first.number} is the best, with {name} {score_text(first.score)}."),
            _paragraph(
                "It was trained once, so it is not known how much its score varies between "
                "trainings. executions_per_trial=3 would show it; tuner.evaluate_best() shows "
                "its score on data that the search has not seen."
            ),
        ]
    else:
        said = [_paragraph(sure.result())]
        warning = sure.warning()
        said += [] if warning is None else [_paragraph(warning, "warn")]
    if searched.confirmation is not None:
        said = [_paragraph(sentence) for sentence in searched.confirmation.sentences()]
    columns = trial_columns(best[:BEST], searched.objective, compact=False)
    return _section("Result", *said, _table(columns, numbers=True))


def space(searched: Searched) -> str:
    """What was searched, and how."""
    settings = searched.settings
    how = {
        key: setting_text(settings[key])
        for key in ("oracle", "scheduler", "executions_per_trial", "max_trials", "fit", "compile")
        if settings.get(key) not in (None, {})
    }
    return _section(
        "What was searched",
        _table(searched.space.columns().items()) if searched.space else "",
        _two_columns("setting", "value", how) if how else "",
        *_remembered(searched),
    )


def _remembered(searched: Searched) -> list[str]:
    """The former projects that the search knew."""
    known = searched.remembered
    if not known:
        return []
    begun = sum(trial.origin == FORMER for trial in searched.trials)
    said = (
        "The search knew former projects. Their trials are used whose values are allowed in this "
        f"space; {counted(begun, 'trial')} here began with one of their best points."
    )
    columns = [
        ("former project", [each.name for each in known]),
        ("trials", [str(each.trials) for each in known]),
        ("used", [str(each.used) for each in known]),
    ]
    return [_paragraph(said), _table(columns)]


def history(searched: Searched) -> str:
    """Scores in the order of the search."""
    if not scored(searched.trials):
        return ""
    chart = charts.history(searched.trials, searched.objective)
    caption = (
        "Each trial's score, and the best so far. Scores far beyond the others are drawn at the "
        "edge."
    )
    return _section("The search", _figure(chart, caption))


def front(searched: Searched) -> str:
    """The trials by the first two objectives, if there are several."""
    first, *others = searched.objective.parts
    if not others or not any(t.losses and t.violation == 0.0 for t in searched.trials):
        return ""
    caption = "Strong: the trials that no other one dominates, considering all objectives."
    chart = charts.front(searched.trials, first, others[0])
    return _section("The front", _figure(chart, caption))


def curves(searched: Searched) -> str:
    """Learning curves, where there are any."""
    try:
        found = fan(searched.curves, searched.objective)
    except ValueError:  # the user's own run_trial need not report epochs
        return ""
    drawn = drawing(found, scores_of(searched.trials), searched.objective)
    caption = (
        f"{searched.objective.name} by epoch. Red: the best trial. Strong blue: good final scores. "
        "Grey: the median, and the range of 80 % of the trials that were trained up to that epoch."
    )
    if len(found.lines) > charts.LINES:
        caption += f" {charts.LINES} of {len(found.lines)} curves are drawn."
    return _section("Learning curves", _figure(charts.learning_curves(drawn), caption))


def importances(searched: Searched) -> str:
    """What the score depends on, and how certain that is; or why it is not known."""
    try:
        found = importance.importances(searched.trials, searched.objective, curves=searched.curves)
    except ValueError as error:
        return _section("What mattered", _paragraph(str(error)))
    caption = (
        "The share of each hyperparameter, and of pairs (×), in the differences between trials; "
        "the lines show how far the trees of the forest disagree. The rest, up to 100 %, is "
        "noise and interactions of three or more."
    )
    return _section(
        "What mattered",
        _paragraph(found.certainty()),
        _figure(charts.importances(found), caption),
    )


def schedule(searched: Searched) -> str:
    """The values with which the best trial was trained, if they changed."""
    best = ranked(searched.trials)[:1]
    pieces = schedule_of(searched.trials, best[0]) if best and best[0].parent is not None else []
    if not pieces:
        return ""
    columns = [
        ("epochs", [f"{piece.start_epoch + 1} to {piece.end_epoch}" for piece in pieces]),
        ("trial", [str(piece.trial) for piece in pieces]),
    ]
    for name in value_names(searched.trials[piece.trial] for piece in pieces):
        values = [piece.values.get(name, ...) for piece in pieces]
        columns.append((name, [NOTHING if v is ... else value_text(v) for v in values]))
    text = "The best trial continued from the states of others: its values changed."
    return _section("How the best trial was trained", _paragraph(text), _table(columns))


def failures(searched: Searched) -> str:
    """Why trials failed, and why others were rejected."""
    failed = _reasons("Failures", failures_of(searched.trials))
    rejected = failures_of(searched.trials, rejected=True)
    return failed + _reasons(f"Trials {REJECTED}", rejected)


def _reasons(title: str, found: Mapping[str, Sequence[int]]) -> str:
    if not found:
        return ""
    which = [numbers_text(numbers, 10) for numbers in found.values()]
    counts = [str(len(numbers)) for numbers in found.values()]
    columns = [("trials", counts), ("reason", list(found)), ("which", which)]
    return _section(title, _table(columns))


def training(searched: Searched) -> str:
    """How the trials were trained."""
    line = paths_line(searched.trials)
    return "" if line is None else _section("How it was trained", _paragraph(line))


def reproduce(searched: Searched) -> str:
    """Code that opens the project and builds the best model."""
    best = ranked(searched.trials)
    lines = ["import kerastune_lite as kt", "", f"project = kt.open_project({searched.folder!r})"]
    if best:
        lines += [
            "hp = project.get_best_hyperparameters()[0]",
            "model = build(hp)  # your function build(hp)",
            *_loading(best[0], searched.folder),
            "",
            "# The best values:",
            f"{dict(best[0].values)!r}",
        ]
    seed = searched.settings.get("seed")
    again = f"The same script with seed={seed} proposes the same trials again."
    return _section(
        "How to use the result",
        f"<pre>{escaped(chr(10).join(lines))}</pre>",
        "" if seed is None else _paragraph(again),
    )


def _loading(trial: Trial, folder: str) -> list[str]:
    """The line that loads the weights of the best epoch, if they are stored."""
    kept = [each for each in trial.completed_executions if each.loss is not None]
    best = min(kept, key=lambda each: each.loss or 0.0, default=None)
    # A model that `build` leaves unbuilt has no variables for them yet.
    if best is None or best.weights is None or best.build_config is not None:
        return []
    return [f"model.load_weights({os.path.join(folder, best.weights)!r})"]


def versions(searched: Searched) -> str:
    """Packages and the seed."""
    rows = dict(searched.versions)
    if searched.settings.get("seed") is not None:
        rows["seed"] = str(searched.settings["seed"])
    rows["folder"] = searched.folder
    return _section("Versions and seed", _two_columns("of", "is", rows))


# ---------------------------------------------------------------------- HTML


def _section(title: str, *parts: str) -> str:
    return "\n".join([f"<section><h2>{escaped(title)}</h2>", *parts, "</section>\n"])


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escaped(text)}</p>' if kind else f"<p>{escaped(text)}</p>"


def _figure(chart: str, caption: str) -> str:
    return f"<figure>{chart}<figcaption>{escaped(caption)}</figcaption></figure>"


def _table(columns: Iterable[tuple[str, Sequence[str]]], numbers: bool = False) -> str:
    """A table from headers with their cells; two columns may have the same header."""
    headers, cells = zip(*columns)
    head = "".join(f"<th>{escaped(name)}</th>" for name in headers)
    rows = "".join(f"<tr>{_cells(row)}</tr>\n" for row in zip(*cells))
    kind = ' class="numbers"' if numbers else ""
    return f'<div class="scroll"><table{kind}><tr>{head}</tr>\n{rows}</table></div>'


def _two_columns(name: str, value: str, rows: Mapping[str, str]) -> str:
    return _table([(name, list(rows)), (value, list(rows.values()))])


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{escaped(cell)}</td>" for cell in row)
