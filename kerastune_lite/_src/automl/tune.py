"""`tune`: a model from data, in one call."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from kerastune_lite._src.automl.learning import Learned, Settings, learn
from kerastune_lite._src.automl.saving import load_learned, save_learned
from kerastune_lite._src.util.public import public


@public("kerastune_lite")
def tune(
    x: Any,
    y: Any,
    *,
    time_limit: float | None = 300.0,
    max_trials: int | None = None,
    kind: str | None = None,
    task: str | None = None,
    validation_data: tuple[Any, Any] | None = None,
    sample_weight: Any = None,
    epochs: int | None = None,
    ensemble: bool = True,
    directory: Any = None,
    seed: int | None = None,
    verbose: int = 1,
) -> TuneResult:
    """Find a Keras model for data, without a builder and without settings.

    It looks at the data, keeps a part of the rows to validate on, encodes columns, compares with
    simple models, searches for networks until the time is over, and averages the best of them.
    `result.report()` says what was done and why.

    Args:
        x: a data frame or an array `(n, columns)`; images `(n, height, width)` or `(n, height,
            width, channels)`; series `(n, steps, features)`; or a list of texts.
        y: `(n,)` labels or numbers, `(n, labels)` of 0 and 1, or `(n, outputs)` of numbers.
        time_limit: seconds for all of it; at most one epoch longer. None: as long as `max_trials`
            trials take.
        max_trials: how many networks are tried; None: as many as the time allows.
        kind: what x is, "table", "image", "series" or "text", if it is taken for something else.
        task: what y is, "classification", "multilabel" or "regression", likewise.
        validation_data: `(x, y)` to validate on, instead of a fifth of the rows.
        sample_weight: `(n,)`.
        epochs: the most that a network trains; it ends earlier if it does not improve. None: 60 for
            tables, 30 for images and series, 10 for texts, and fewer if they take long.
        ensemble: whether the model is an average of several networks (Caruana et al., 2004), and
            of such that are finally trained on all rows, if there is time; otherwise the best one.
        directory: where the search is kept, for TensorBoard and to be resumed. None: a temporary
            folder, which is removed with the result.
        seed: an int makes a search reproducible if `max_trials` alone limits it. Default: any, or 0
            with a `directory`.
        verbose: 0 silent; 1 what is found and live progress; 2 a line per trial.

    Returns:
        The model, with what belongs to it.

    Raises:
        TypeError, ValueError: the data or an argument is invalid.
        RuntimeError: all trials failed.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> x, y = load_wine(return_X_y=True)
        >>> result = kt.tune(x, y, time_limit=None, max_trials=1, epochs=2, seed=0, verbose=0)
        >>> result.predict(x).shape, result.predict_proba(x).shape
        ((178,), (178, 3))
    """
    settings = Settings(
        kind=kind,
        task=task,
        time_limit=time_limit,
        max_trials=max_trials,
        epochs=epochs,
        ensemble=ensemble,
        seed=seed,
        directory=directory,
        verbose=verbose,
    )
    return TuneResult(learn(x, y, settings, sample_weight, validation_data))


@public("kerastune_lite")
class TuneResult:
    """What `tune` found: a model that takes samples as you have them.

    Args:
        learned: the model, with what was learned of the data.

    Attributes:
        model: one Keras model; it takes samples as `encode` makes them.
        tuner: the tuner of the search, with its trials; None if the result was loaded from a file.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> x, y = load_wine(return_X_y=True)
        >>> result = kt.tune(x, y, time_limit=None, max_trials=1, epochs=2, seed=0, verbose=0)
        >>> type(result).__name__, result.report().splitlines()[0]
        ('TuneResult', 'Data: a table, 178 rows (x has two axes: rows and 13 columns).')
    """

    def __init__(self, learned: Learned) -> None:
        self._learned = learned
        self.model = learned.model
        self.tuner = learned.tuner

    def predict(self, x: Any) -> np.ndarray:
        """The predicted labels or numbers.

        Args:
            x: samples as in `tune`. Columns of a data frame are found by name, numbers may be
                missing, and categories may be new.
        """
        return self._learned.predict(x)

    def predict_proba(self, x: Any) -> np.ndarray:
        """The probability of each class, `(n, classes)`, in the order of `classes`.

        Args:
            x: as for `predict`.

        Raises:
            ValueError: numbers were learned, not classes.
        """
        if self._learned.targets.task == "regression":
            raise ValueError("predict_proba() is for classes. Received: a model of numbers.")
        return self._learned.outputs(x)

    def encode(self, x: Any) -> np.ndarray:
        """Samples as `model` takes them.

        Args:
            x: as for `predict`.
        """
        return self._learned.encoded(x)

    @property
    def classes(self) -> np.ndarray | None:
        """The labels, sorted; None if there are none."""
        return self._learned.targets.classes

    def report(self) -> str:
        """What the data was taken for, what was tried, and what was found, as a text."""
        return self._learned.story.text()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to one file, without pickle and without the search.

        Args:
            path: the file; an earlier one is replaced once the new one is complete.

        Raises:
            OSError: the file cannot be written; an earlier one is unchanged.
        """
        save_learned(path, self._learned, type(self).__name__, {}, {})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TuneResult:
        """The result that `save` wrote, with the same predictions; no code in it is run.

        Args:
            path: the file.

        Raises:
            ValueError: the file is another one, or would need code to be run.
        """
        learned, _, _ = load_learned(path, "TuneResult")
        return cls(learned)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._learned.story.summary()}>"

    def _repr_html_(self) -> str:
        return self._learned.story.as_html(type(self).__name__)
