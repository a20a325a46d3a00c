"""Figures in both backends: that they are drawn, and that ours show what they should."""

import dataclasses
import importlib.util
import inspect
import sys

import numpy as np
import pytest

from kerastune_lite._src.analysis.curves import fan
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.views.plots import backends
from kerastune_lite._src.views.plots.lines import drawing
from kerastune_lite._src.views.plots.plots import Plots
from kerastune_lite.hyperparameters import Choice, Condition, Float, Int, Parameter, Space
from tests.analysis.trials import ACCURACY, LOSS, completed, cube, failed, sampled

pytest.importorskip("optuna")
SPACE = Space(
    [
        Parameter("layers", Int(1, 3)),
        Parameter("units", Int(8, 64, step=8)),
        Parameter("rate", Float(1e-5, 1e-1, sampling="log")),
        Parameter("optimizer", Choice(("sgd", "adam"))),
        Parameter("momentum", Float(0.0, 0.9), (Condition("optimizer", ("sgd",)),)),
    ]
)
METHODS = [
    name for name, _ in inspect.getmembers(Plots, inspect.isfunction) if not name.startswith("_")
]


def loss(values):
    return abs(np.log10(values["rate"]) + 3) + values["layers"] + values.get("momentum", 0.5)


def trials(count=30):
    """Trials of two rungs, one of which failed."""
    found = sampled(SPACE, loss, count)
    return [
        *(
            dataclasses.replace(t, goal=9 if t.number % 3 else 3, metrics={"val_auc": 1 - t.loss})
            for t in found
        ),
        failed(count, found[0].values, SPACE),
    ]


def curve(trial, epochs=9):
    return [{"val_loss": [trial.loss + 5 / (1 + epoch) for epoch in range(epochs)]}]


def plots(found=None, objective=LOSS):
    found = trials() if found is None else found
    done = [trial for trial in found if trial.loss is not None]
    return Plots(found, objective, lambda: {t.number: curve(t) for t in done}, "digits")


@pytest.fixture
def matplotlib():
    library = pytest.importorskip("matplotlib")
    library.use("agg")
    from matplotlib import pyplot

    yield library
    pyplot.close("all")


def test_there_is_a_figure_for_all_that_is_wanted():
    assert [
        *("contour", "edf", "history", "importances", "learning_curves", "parallel_coordinates"),
        *("pareto_front", "rank", "slice", "timeline"),
    ] == METHODS


def test_it_says_what_there_is():
    assert repr(plots()).startswith("<Figures of 31 trials: history, learning_curves, importances")


def draw(method, backend):
    # All panels of these two take seconds.
    few = [["rate", "layers"]] if method in ("contour", "rank") else []
    return getattr(plots(), method)(*few, backend=backend)


@pytest.mark.parametrize("method", METHODS)
def test_with_matplotlib(method, matplotlib):
    before = dict(matplotlib.rcParams)
    figure = draw(method, "matplotlib")
    assert isinstance(figure, matplotlib.figure.Figure)
    figure.canvas.draw()
    assert dict(matplotlib.rcParams) == before  # Optuna sets a style for all that follows


@pytest.mark.parametrize("method", METHODS)
def test_with_plotly(method):
    objects = pytest.importorskip("plotly.graph_objects")
    figure = draw(method, "plotly")
    assert isinstance(figure, objects.Figure)
    assert figure.to_json()


def test_the_fan_in_matplotlib(matplotlib):
    axes, bar = plots().learning_curves(backend="matplotlib").axes
    (lines,) = [c for c in axes.collections if hasattr(c, "get_segments") and c.get_segments()]
    assert len(lines.get_segments()) == 30
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    best = min(trials()[:-1], key=lambda t: t.loss).number
    assert labels == ["median", f"best: trial {best}"]
    assert axes.get_ylabel() == "val_loss"
    assert bar.get_ylabel() == "final val_loss"


def test_the_fan_in_plotly():
    pytest.importorskip("plotly")
    figure = plots().learning_curves(backend="plotly")
    gaps = sum(int(np.isnan(np.array(t.y, float)).sum()) for t in figure.data if t.opacity == 0.6)
    assert gaps == 30  # each line ends in one
    assert {"median", "10 to 90 %"} <= {trace.name for trace in figure.data}


def test_importances_are_those_of_the_tuner(matplotlib):
    from kerastune_lite._src.analysis.importances import importances

    curves = {trial.number: curve(trial) for trial in trials()[:-1]}
    found = importances(trials(), LOSS, curves=curves)
    axes = plots().importances(backend="matplotlib").axes[0]
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels[: len(found.values)] == list(found.values)
    widths = [bar.get_width() for bar in axes.patches]
    assert widths[: len(found.values)] == pytest.approx(list(found.values.values()))


def test_big_panels_show_the_most_important(matplotlib):
    figure = plots().contour(backend="matplotlib")
    assert len([axes for axes in figure.axes if axes.get_subplotspec() is not None]) >= 16
    names = {axes.get_ylabel() for axes in figure.axes} & set(SPACE.names)
    assert {"rate", "layers", "momentum"} < names
    assert len(names) == 4


def test_panels_without_importances_show_the_first(matplotlib):
    found = [dataclasses.replace(t, loss=1.0, goal=None) for t in trials(12)[:-1]]
    names = {axes.get_ylabel() for axes in plots(found).rank(backend="matplotlib").axes}
    assert {"layers", "units", "rate", "optimizer"} <= names


def test_a_hyperparameter_of_lower_rungs_only(matplotlib):
    """Optuna draws those that were trained to the end."""
    known = completed(0, {"x0": 0.1}, cube(1), 0.3, goal=9)
    other = completed(1, {"x0": 0.4}, cube(1), 0.2, goal=9)
    lower = completed(2, {"x0": 0.2, "x1": 0.3}, cube(2), 0.1, goal=3)
    assert plots([known, other, lower]).slice(backend="matplotlib")
    with pytest.raises(ValueError, match=r"No completed trial has \['x1'\]"):
        plots([known, other, lower]).slice("x1", backend="matplotlib")


def test_params_may_be_named(matplotlib):
    figure = plots().contour(["rate", "layers"], backend="matplotlib")
    assert {axes.get_ylabel() for axes in figure.axes} & set(SPACE.names) == {"rate"}
    assert plots().slice("rate", backend="matplotlib")


def test_the_pareto_front_is_between_any_two(matplotlib):
    found = [
        completed(n, {"x0": 0.1 * n}, cube(1), score, finished=1e9 + n + seconds)
        for n, (score, seconds) in enumerate([(0.1, 9.0), (0.2, 3.0), (0.3, 4.0)])
    ]
    axes = plots(found).pareto_front(backend="matplotlib").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("val_loss", "seconds")
    dominated, front = (c.get_offsets().tolist() for c in axes.collections)
    assert sorted(front) == [[0.1, 9.0], [0.2, 3.0]]
    assert dominated == [[0.3, 4.0]]
    assert plots().pareto_front(Objective("val_auc", "max"), backend="matplotlib")
    assert plots().pareto_front("epochs", backend="matplotlib")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda p: p.history(backend="bokeh"), r"one of \('matplotlib', 'plotly'\)"),
        (lambda p: p.slice(["depth"]), r"No completed trial has \['depth'\]\. They have"),
        (lambda p: p.contour(["rate"]), "at least two hyperparameters"),
        (lambda p: p.pareto_front("val_auc"), r'Objective\(\'val_auc\', direction="max"\)'),
        (lambda p: p.pareto_front("val_loss2_loss"), "`second` can be 'seconds'"),
        (lambda p: p.pareto_front(3), "`second` must be 'seconds', 'epochs', or"),
        (lambda p: p.learning_curves("auc"), "No trial has a learning curve of 'auc'"),
        (lambda p: plots([]).history(), "There is no completed trial to draw"),
        (lambda p: plots(trials(4)).importances(), "at least 10 completed trials"),
    ],
)
def test_what_cannot_be_drawn(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(plots())


def test_a_missing_library_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'plotly\. Install .*"kerastune_lite\[plots\]"'):
        plots().history(backend="plotly")
    with pytest.raises(ImportError, match="matplotlib or plotly"):
        plots().history()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'Optuna\. .*"kerastune_lite\[plots\]"'):
        plots().history()


def test_our_own_figures_need_no_optuna(monkeypatch, matplotlib):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert plots().learning_curves(backend="matplotlib")
    assert plots().importances(backend="matplotlib")


def test_the_backend_is_what_suits_the_place(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert backends.choose(None) == "matplotlib"
    monkeypatch.setattr(backends, "in_notebook", lambda: True)
    assert backends.choose(None) == "plotly"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "matplotlib" or None)
    assert backends.choose(None) == "matplotlib"


def test_a_notebook_shows_a_figure_once(monkeypatch, matplotlib):
    from matplotlib import pyplot

    pyplot.close("all")
    plots().history(backend="matplotlib")
    assert len(pyplot.get_fignums()) == 1
    monkeypatch.setattr(backends, "in_notebook", lambda: True)
    plots().history(backend="matplotlib")
    assert len(pyplot.get_fignums()) == 1  # an open one is shown again at the end of the cell


@pytest.mark.parametrize(("objective", "sign"), [(LOSS, 1), (ACCURACY, -1)], ids=["min", "max"])
def test_colours_spread_over_the_better_and_limits_hold_the_best(objective, sign):
    lines = {n: [{objective.name: [sign * (n + 1.0), sign * float(n)]}] for n in range(8)}
    lines[8] = [{objective.name: [sign * 1e9]}]
    scores = {n: sign * float(n) for n in range(8)}
    found = drawing(fan(lines, objective), scores, objective)
    assert found.best == 0
    assert found.place(0) == 1.0
    assert found.place(7) == found.place(8) == 0.0
    assert 0 < found.place(3) < found.place(1) < 1
    assert found.ordered()[-1] == 0
    assert max(map(abs, found.limits)) < 1e8
    assert found.limits[0] < 0.0 * sign < found.limits[1]
