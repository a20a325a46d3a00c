"""Trials of made-up functions: no training, no disk."""

import numpy as np

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.hyperparameters import Float, Parameter, Space

LOSS = Objective("val_loss", "min")
ACCURACY = Objective("val_accuracy", "max")


def cube(count):
    """`count` hyperparameters x0, x1, ... from 0 to 1."""
    return Space([Parameter(f"x{i}", Float(0.0, 1.0)) for i in range(count)])


def completed(number, values, space, *scores, objective=LOSS, **more):
    """A trial with one execution per score."""
    executions = tuple(
        Execution(i, Outcome.COMPLETED, 0, score, objective.loss_of(score), epochs=3, best_epoch=2)
        for i, score in enumerate(scores)
    )
    mean = float(np.mean(scores))
    times = {"started": 1e9 + number, "finished": 1e9 + number + 2}
    more = {"executions": executions, "status": TrialStatus.COMPLETED, **times, **more}
    return Trial(
        number,
        values,
        space,
        score=mean,
        loss=objective.loss_of(mean),
        **more,
    )


def failed(number, values, space, message="ValueError: too large"):
    return Trial(number, values, space, TrialStatus.FAILED, message=message)


def sampled(space, loss, count, seed=0):
    """`count` trials at random points, scored with `loss(values)`."""
    rng = np.random.default_rng(seed)
    points = [space.sample(rng) for _ in range(count)]
    return [completed(i, point, space, float(loss(point))) for i, point in enumerate(points)]
