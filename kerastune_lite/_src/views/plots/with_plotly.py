"""Our own figures, drawn with plotly."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from kerastune_lite._src.analysis.importances import Importances
from kerastune_lite._src.views.plots.lines import Drawing

_SHADES = 12
"""Lines of the same shade are one trace: a thousand traces would take seconds to draw."""


def learning_curves(drawing: Drawing) -> Any:
    """Each trial's curve, coloured by its score, with quantiles; a `Figure`."""
    figure = go.Figure()
    shades: dict[int, list[int]] = {}
    for number in drawing.ordered():
        shades.setdefault(round(drawing.place(number) * (_SHADES - 1)), []).append(number)
    for shade, numbers in sorted(shades.items()):
        figure.add_trace(_lines(drawing, numbers, 1.0 - shade / (_SHADES - 1)))
    low, middle, high = drawing.fan.band
    epochs = np.arange(1, len(middle) + 1)
    edge = {"x": epochs, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(y=low, showlegend=False, **edge)
    grey = "rgba(128, 128, 128, 0.3)"
    figure.add_scatter(y=high, fill="tonexty", fillcolor=grey, name="10 to 90 %", **edge)
    figure.add_scatter(x=epochs, y=middle, name="median", line={"color": "dimgray"})
    best = drawing.fan.lines[drawing.best]
    figure.add_scatter(
        x=np.arange(1, len(best) + 1),
        y=best,
        name=f"best: trial {drawing.best}",
        line={"color": "crimson", "width": 3},
    )
    figure.add_trace(_colour_bar(drawing))
    figure.update_layout(
        title=drawing.title,
        xaxis_title="epoch",
        yaxis={"title": drawing.fan.metric, "range": drawing.limits},
        legend={"orientation": "h", "y": -0.2},
    )
    return figure


def _lines(drawing: Drawing, numbers: list[int], shade: float) -> Any:
    epochs: list[float] = []
    values: list[float] = []
    texts: list[str] = []
    for number in numbers:
        line = drawing.fan.lines[number]
        # A gap ends each line.
        epochs += [*range(1, len(line) + 1), np.nan]
        values += [*line.tolist(), np.nan]
        score = f"trial {number}: {drawing.objective.name} {drawing.scores[number]:.4g}"
        texts += [score] * (len(line) + 1)
    return go.Scatter(
        x=epochs,
        y=values,
        text=texts,
        hovertemplate="%{text}<br>epoch %{x}: %{y:.4g}<extra></extra>",
        mode="lines",
        line={"width": 1, "color": sample_colorscale("Viridis", [shade])[0]},
        opacity=0.6,
        showlegend=False,
    )


def _colour_bar(drawing: Drawing) -> Any:
    """A trace that shows only the colour scale; the better end is dark."""
    worst, best = drawing.colours
    low, high = sorted(drawing.colours)
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        showlegend=False,
        marker={
            "color": [low],
            "cmin": low,
            "cmax": high if high > low else low + 1,
            "colorscale": "Viridis",
            "reversescale": best > worst,
            "colorbar": {"title": {"text": f"final {drawing.objective.name}"}},
        },
    )


def importances(
    found: Importances, labels: list[str], shares: list[float], errors: list[float]
) -> Any:
    """Importances as bars with their spread; a `Figure`."""
    bars = go.Bar(x=shares, y=labels, error_x={"array": errors}, orientation="h")
    figure = go.Figure(bars)
    figure.update_layout(
        title={"text": found.certainty(), "font": {"size": 13}},
        xaxis={"title": f"share of the differences in {found.objective}", "rangemode": "tozero"},
        yaxis={"autorange": "reversed"},
    )
    return figure
