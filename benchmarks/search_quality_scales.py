"""What the trainings of a table report in `search_quality.py --scales`, besides their loss.

`log` is the logarithm of the loss; `accuracy`, which is maximised, is its negative, since all that
searches here turns it into that or is told to minimise; `error` is 1 - accuracy; `diverged` is the
loss, but one point in twenty diverges in its first epoch. Which points do is a fixed function of
their values.

Regret is that of the loss, by logarithms, for `log` and `diverged`, so that it compares with that
of the raw loss. For `accuracy` and `error` it is that of the accuracy, not by logarithms.
"""

import hashlib

import numpy as np

SHARE_DIVERGED = 0.05


class Scaled:
    """A table whose trainings report something else; all that is reported is minimised."""

    noise = 0.0

    def __init__(self, table, scale):
        self.name, self.space, self.epochs = f"{table.name}, {scale}", table.space, table.epochs
        self._table = table
        self._reported, self._regret = SCALES[scale]

    def curve(self, values):
        """What is reported after each epoch, `(epochs,)`; NaN once the training has diverged."""
        return self._reported(self._table, values)

    def true_loss(self, values):
        """The smallest that was reported; NaN if the training diverged in its first epoch."""
        curve = self.curve(values)
        finite = curve[np.isfinite(curve)]
        return float(finite.min()) if len(finite) else np.nan

    def loss(self, values, rng):
        return self.true_loss(values)

    def regret(self, reported):
        """0 for the best, 1 for the median of the table."""
        return self._regret(self._table, reported)


def _log(table, values):
    return np.log(table.curve(values))


def _accuracy(table, values):
    return -table.accuracies(values)


def _error(table, values):
    return 1.0 - table.accuracies(values)


def _diverged(table, values):
    """The losses, or NaN from the first epoch on."""
    point = {name: str(v) if isinstance(v, str) else float(v) for name, v in values.items()}
    digest = hashlib.sha256(repr(sorted(point.items())).encode()).digest()
    curve = table.curve(values)
    share = int.from_bytes(digest[:4], "big") / 2**32
    return np.full_like(curve, np.nan) if share < SHARE_DIVERGED else curve


SCALES = {
    "log": (_log, lambda table, reported: table.regret(np.exp(reported))),
    "accuracy": (_accuracy, lambda table, reported: table.regret_of_accuracy(-reported)),
    "error": (_error, lambda table, reported: table.regret_of_accuracy(1.0 - reported)),
    "diverged": (_diverged, lambda table, reported: table.regret(reported)),
}
"""What is reported after each epoch, and the regret of it."""
