"""Where estimators come from and go to: trials, and files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kerastune_lite._src.core.trial import Trial, TrialStatus


class Portable:
    """What the estimators have beyond scikit-learn's contract."""

    @classmethod
    def from_trial(cls, model: Any, trial: Any, **params: Any) -> Any:
        """An estimator with the hyperparameters that a trial of a tuner had; not fitted.

        Args:
            model: what the tuner built with: `build(hp)` or a HyperModel.
            trial: of `tuner.get_best_trials()`, say.
            **params: of the estimator. `epochs`, unless it was tuned, is by default as many as led
                to the trial's best epoch.

        Raises:
            TypeError, ValueError: it is no trial, or it failed.
        """
        if not isinstance(trial, Trial):
            raise TypeError(
                f"{cls.__name__}.from_trial() takes what builds the model, and a trial. Received: "
                f"{type(trial).__name__}. Write from_trial(build, tuner.get_best_trials()[0])."
            )
        if trial.status is TrialStatus.FAILED:
            raise ValueError(
                f"from_trial() takes a trial that can be trained again. Trial {trial.trial_id} "
                f"failed: {trial.failure}. Take one of tuner.get_best_trials()."
            )
        if trial.best_step is not None and "epochs" not in trial.values:
            params.setdefault("epochs", trial.best_step + 1)
        estimator: Any = cls
        return estimator(model, hyperparameters=dict(trial.values), **params)

    # ------------------------------------------------------------------ files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file, without pickle.

        It holds the Keras model, and as JSON the labels, the shape of the data, and the parameters
        that are plain values. Functions and objects are left out, the builder among them.

        Raises:
            NotFittedError: it was not fitted.
            TypeError: it has encoders of its own.
            OSError: the file cannot be written; an earlier one is untouched.
        """
        from kerastune_lite._src.sklearn.saving import save

        save(self, path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        model: Any = None,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Any:
        """The estimator that `save` wrote; it predicts as it did.

        No code of the file's is run: Keras refuses Lambda layers and the like.

        Args:
            path: the file.
            model: what it is built with, for those who want to fit it again.
            custom_objects: name -> class, for layers of your own.

        Raises:
            ValueError: the file is no such estimator, or would need code to be run.
        """
        from kerastune_lite._src.sklearn.saving import load

        return load(cls, path, model, custom_objects)
