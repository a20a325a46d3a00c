"""The events of the run `_search`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kerastune_lite._src.analysis.curves import Curves, fan
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.scored_trials import scored
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.views.tensorboard import picture, summaries
from kerastune_lite._src.views.tensorboard.event_files import scalars_event
from kerastune_lite._src.views.tensorboard.names import (
    IMPORTANCES,
    RANKING,
    by_trial_tags,
    fan_tags,
)
from kerastune_lite._src.views.tensorboard.ranking import merit_of, ranking

if TYPE_CHECKING:
    from kerastune_lite._src.analysis.importances import Importances


def whole_run(
    project: str,
    objective: Objective,
    trials: Sequence[Trial],
    curves: Mapping[int, Curves],
    weighed: tuple[int, Importances] | None,
    described: set[str],
) -> Iterator[bytes]:
    """The whole run. Steps are epochs, numbers of trials, or how many trials had ended.

    Args:
        trials: those that have ended or are paused.
        curves: of the trials with a score, by number.
        weighed: the latest importances, and how many trials there were then.
        described: see `scalars_event`.
    """
    now = time.time()
    yield summaries.start_event(now)
    yield summaries.text_event(RANKING, ranking(project, objective, trials), len(trials), now)
    yield from _lines(objective, trials, described)
    borders = fan_tags(objective.guide.name)
    quantiles = _quantiles(objective, curves)
    for epoch, values in quantiles:
        yield scalars_event(epoch, dict(zip(borders, values)), now, described)
    yield summaries.layout_event(objective, bool(quantiles), now)
    if weighed is not None:
        count, found = weighed
        yield summaries.shares_event(found.values, count, now)
        title = f"What {objective.name} depends on, over {found.trials} trials"
        image = picture.bars(title, found.values, found.spread)
        yield summaries.image_event(IMPORTANCES, image, found.certainty(), count, now)


def by_trial(
    objective: Objective, trial: Trial, best: Trial | None, described: set[str]
) -> tuple[bytes, Trial]:
    """The points of a trial with a score on the two lines by trial.

    Args:
        best: of the trials with smaller numbers.
        described: see `scalars_event`.

    Returns:
        The event, and the best trial including this one.
    """
    best = trial if best is None else min(best, trial, key=merit_of)
    scores = (math.nan if each.score is None else each.score for each in (trial, best))
    scalars = dict(zip(by_trial_tags(objective.name), scores))
    now = time.time() if trial.finished is None else trial.finished
    return scalars_event(trial.number, scalars, now, described), best


def _lines(objective: Objective, trials: Iterable[Trial], described: set[str]) -> Iterator[bytes]:
    best = None
    for trial in scored(trials):
        event, best = by_trial(objective, trial, best, described)
        yield event


def _quantiles(objective: Objective, curves: Mapping[int, Curves]) -> list[tuple[int, list[float]]]:
    """10 %, median and 90 % at each epoch that enough trials reached."""
    try:
        band = fan(curves, objective).band
    except ValueError:  # nothing was measured by epoch
        return []
    columns = enumerate(band.T.tolist())
    return [(epoch, values) for epoch, values in columns if all(map(math.isfinite, values))]
