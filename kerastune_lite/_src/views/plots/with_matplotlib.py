"""Our own figures, drawn with matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import cm, pyplot, rc_context
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from kerastune_lite._src.analysis.importances import Importances
from kerastune_lite._src.views.plots.backends import figure_of
from kerastune_lite._src.views.plots.lines import Drawing


@rc_context()
def learning_curves(drawing: Drawing) -> Any:
    """Each trial's curve, coloured by its score, with quantiles; a `Figure`."""
    _, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    numbers, fan = drawing.ordered(), drawing.fan
    lines = [np.column_stack([np.arange(1, len(fan.lines[n]) + 1), fan.lines[n]]) for n in numbers]
    colours = cm.viridis([1.0 - drawing.place(number) for number in numbers])
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=0.8, alpha=0.6))
    low, middle, high = fan.band
    epochs = np.arange(1, fan.band.shape[1] + 1)
    axes.fill_between(epochs, low, high, color="0.5", alpha=0.25, linewidth=0)
    axes.plot(epochs, middle, color="0.25", linewidth=1.5, label="median")
    best = fan.lines[drawing.best]
    epochs_of_best = np.arange(1, len(best) + 1)
    label = f"best: trial {drawing.best}"
    axes.plot(epochs_of_best, best, color="tab:red", linewidth=2, label=label)
    # The better end of the scale is dark, for both directions.
    worst, top = drawing.colours
    low, high = sorted((worst, top))
    scale = cm.ScalarMappable(Normalize(low, high), "viridis_r" if top > worst else "viridis")
    axes.figure.colorbar(scale, ax=axes, label=f"final {drawing.objective.name}")
    axes.set(xlabel="epoch", ylabel=fan.metric, title=drawing.title, ylim=drawing.limits)
    axes.set_xlim(1, max(fan.band.shape[1], 2))
    axes.legend(loc="best")
    return figure_of(axes)


@rc_context()
def importances(
    found: Importances, labels: list[str], shares: list[float], errors: list[float]
) -> Any:
    """Importances as bars with their spread; a `Figure`."""
    _, axes = pyplot.subplots(figsize=(8, 1.2 + 0.35 * len(labels)), layout="constrained")
    rows = np.arange(len(labels))[::-1]
    axes.barh(rows, shares, xerr=errors, height=0.7, color="tab:blue", ecolor="0.4")
    axes.set_yticks(rows, labels)
    axes.set(xlabel=f"share of the differences in {found.objective}", xlim=(0, None))
    axes.set_title(found.certainty(), fontsize="small", loc="left", wrap=True)
    return figure_of(axes)
