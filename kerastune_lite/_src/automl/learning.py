"""From data to one model, in order: look, split, encode, compare, search, average."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerastune_lite._src.automl.baselines import baselines
from kerastune_lite._src.automl.choosing import Chosen, outputs_of
from kerastune_lite._src.automl.clock import Clock
from kerastune_lite._src.automl.inputs import Encoder, fitted_encoder, rows_of
from kerastune_lite._src.automl.looking import Look, as_samples, as_targets, look
from kerastune_lite._src.automl.pacing import epochs_in_time
from kerastune_lite._src.automl.reporting import Story
from kerastune_lite._src.automl.rows import Rows
from kerastune_lite._src.automl.searching import (
    SearchSettings,
    epochs_of_project,
    hypermodel_for,
    project_for,
    searched,
    was_stopped,
)
from kerastune_lite._src.automl.splitting import Split, split_rows
from kerastune_lite._src.automl.targets import Targets
from kerastune_lite._src.core.trial import Trial
from kerastune_lite._src.sklearn.compat import checked_weights
from kerastune_lite._src.sklearn.seeding import seeded
from kerastune_lite._src.tuner.tuner import Tuner
from kerastune_lite._src.util.scratch_folder import ScratchFolder
from kerastune_lite._src.views.announcing import announce

_KEPT_BACK = 0.2
"""The share of the time that the search leaves, for averaging and for training again."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the user can decide; see `AutoClassifier`.

    Raises:
        TypeError, ValueError: a limit is not a positive number, or there is none.
    """

    kind: str | None = None
    task: str | None = None
    time_limit: float | None = 60.0
    max_trials: int | None = None
    epochs: int | None = None
    ensemble: bool = True
    seed: int | None = None
    directory: Any = None
    verbose: int = 0

    def __post_init__(self) -> None:
        if self.time_limit is None and self.max_trials is None:
            raise ValueError(
                "A search must know when to end. Received: time_limit=None and max_trials=None. "
                "Write time_limit=60 for a minute, or max_trials=20."
            )
        if not isinstance(self.ensemble, (bool, np.bool_)):
            raise TypeError(f"`ensemble` is True or False. Received: ensemble={self.ensemble!r}.")
        for name in ("max_trials", "epochs"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, (int, np.integer)):
                raise TypeError(f"`{name}` is a whole number. Received: {name}={value!r}.")
        for name in ("time_limit", "max_trials", "epochs"):
            value = getattr(self, name)
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if value is not None and not (number and value > 0):
                unit = " of seconds" if name == "time_limit" else ""
                raise ValueError(
                    f"`{name}` must be a positive number{unit}. Received: {name}={value!r}."
                )


@dataclasses.dataclass(frozen=True)
class Learned:
    """What a fit leaves.

    Attributes:
        encoder, targets: of samples and of their targets.
        model: one Keras model.
        story: what was done and found.
        trials: of the search, the best first.
        tuner: it; its project exists only if the user named a directory, or as long as `scratch`.
        scratch: the temporary folder of its project, or None.
    """

    encoder: Encoder
    targets: Targets
    model: Any
    story: Story
    trials: Sequence[Trial] = ()
    tuner: Any = None
    scratch: Any = None

    def outputs(self, x: Any) -> np.ndarray:
        """What the model returns: `(n, outputs)`; for classes `(n, classes)`."""
        return self.targets.probabilities(outputs_of(self.model, self.encoded(x)))

    def encoded(self, x: Any) -> np.ndarray:
        """Samples as the model takes them."""
        return self.encoder.transform(as_samples(x))

    def predict(self, x: Any) -> np.ndarray:
        """Labels or numbers, as y has them."""
        return self.targets.decode(self.outputs(x))


def learn(
    x: Any,
    y: Any,
    settings: Settings,
    sample_weight: Any = None,
    validation: tuple[Any, Any] | None = None,
    clock: Clock | None = None,
) -> Learned:
    """Find a model.

    Args:
        x: a data frame, an array or a list.
        y: `(n,)` or `(n, outputs)`.
        sample_weight: `(n,)`, or None.
        validation: samples and targets, instead of a part of `x` and `y`.
        clock: it may have been started before.

    Raises:
        TypeError, ValueError: the data cannot be learned from.
        RuntimeError: all trials failed.
    """
    clock = Clock(settings.time_limit) if clock is None else clock
    with seeded(settings.seed):
        return _Learning(settings, clock).run(x, y, sample_weight, validation)


class _Learning:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._seed = _seed_of(settings)

    def run(self, x: Any, y: Any, sample_weight: Any, validation: Any) -> Learned:
        settings, clock = self._settings, self._clock
        seen = look(x, y, settings.kind, settings.task)
        story = Story.of(seen)
        announce(story.seen(), settings.verbose)
        samples, labels = as_samples(x), as_targets(y)
        targets = Targets.fitted(seen.task, labels)
        story.target = targets.described()
        encoded = targets.encode(labels)
        weights = None if sample_weight is None else _weights(sample_weight, samples)
        story.weighted = weights is not None
        if validation is None:
            split = split_rows(seen.task, encoded, self._seed)
            data = _parted(samples, encoded, weights, split)
            story.split = split.how
        else:
            data = _given(seen, samples, encoded, weights, targets, validation)
            story.split = f"{len(data[1])} rows that were given"
        encoder, train, held_out = self._encoded(seen, *data)
        story.encoding = encoder.described()
        clock.lap("looking and encoding")
        announce(story.prepared(), settings.verbose)
        classes = 0 if targets.classes is None else len(targets.classes)
        found = baselines(seen.task, seen.kind, self._shuffled(train), held_out, classes)
        story.baselines = [dataclasses.asdict(each) for each in found]
        clock.lap("baselines")
        with self._folder() as (folder, scratch):
            hypermodel = hypermodel_for(seen.kind, seen.task, train, classes, settings.epochs)
            if settings.epochs is None:
                project = project_for(train, held_out)
                hypermodel.epochs = self._epochs(hypermodel, train, folder, project)
            clock.lap("measuring")
            tuner = searched(hypermodel, train, held_out, self._search_settings(folder))
            clock.lap("search")
            chosen = Chosen(tuner, seen.task, held_out, targets, settings.ensemble, self._seed)
            story.note_search(tuner.trials, chosen.trials, chosen.losses, chosen.scores)
            members = [trial.number for trial in chosen.members]
            shares = list(chosen.weights.values())
            story.note_ensemble(dict(zip(members, shares)), chosen.loss, chosen.score)
            clock.lap("ensemble")
            again = settings.ensemble and validation is None and not was_stopped(tuner)
            model = self._final(tuner, chosen, train, held_out, story, again)
        story.seconds = dict(clock.laps)
        announce(story.result(), settings.verbose)
        trials = tuner.get_best_trials(len(tuner.trials))
        return Learned(encoder, targets, model, story, list(trials), tuner, scratch)

    # ------------------------------------------------------------------ parts

    def _encoded(self, seen: Look, train: Rows, held_out: Rows) -> tuple[Encoder, Rows, Rows]:
        """The encoder learns from training rows only, so that validation rows are like new ones."""
        encoder, x = fitted_encoder(seen.kind, train.x, train.y, self._seed)
        validation = encoder.transform(held_out.x)
        return encoder, dataclasses.replace(train, x=x), dataclasses.replace(held_out, x=validation)

    def _shuffled(self, rows: Rows) -> Rows:
        order = np.random.default_rng(self._seed).permutation(len(rows))
        weights = None if rows.weights is None else rows.weights[order]
        return Rows(rows.x[order], rows.y[order], weights)

    def _epochs(self, hypermodel: Any, train: Rows, folder: str, project: str) -> int:
        """Those of the trials that there are already, or as many as fit in the time."""
        known = epochs_of_project(folder, project)
        if known is not None:
            return known
        return epochs_in_time(hypermodel, self._shuffled(train), self._clock.left(_KEPT_BACK))

    def _search_settings(self, folder: str) -> SearchSettings:
        settings = self._settings
        return SearchSettings(
            max_trials=settings.max_trials,
            max_time=self._clock.left(_KEPT_BACK if settings.ensemble else _KEPT_BACK / 2),
            seed=self._seed,
            directory=folder,
            is_kept=settings.directory is not None,
            verbose=settings.verbose,
        )

    @contextlib.contextmanager
    def _folder(self) -> Iterator[tuple[str, Any]]:
        if self._settings.directory is not None:
            yield str(self._settings.directory), None
            return
        scratch = ScratchFolder()
        yield scratch.path, scratch

    def _final(
        self,
        tuner: Tuner,
        chosen: Chosen,
        train: Rows,
        held_out: Rows,
        story: Story,
        again: bool,
    ) -> Any:
        """One model of the chosen networks, and of such that learned from all rows if time allows.

        Those of the search are the ones that were validated; new ones have seen more rows, but
        nothing chose their last epoch. The mean of both is safer than either. They should do well
        on the validation rows, which they have seen: one that is nearer to a constant there than to
        the network of the search has failed, and is left out.

        Args:
            again: whether to train on all rows.
        """
        from kerastune_lite._src.keras.combining import averaged

        models, weights = chosen.models(), list(chosen.weights.values())
        if again:
            constant, failed = story.baselines[0]["loss"], 0
            rows = train.joined(held_out)
            for place, trial in enumerate(chosen.members):
                left = self._clock.left()
                if left is not None and left < seconds_to_best(trial):
                    continue
                model = trained_again(tuner, trial, rows, len(train) / len(rows))
                if not chosen.loss_of(model) < (chosen.loss_of(models[place]) + constant) / 2.0:
                    failed += 1
                    continue
                models.append(model)
                weights[place] /= 2.0
                weights.append(weights[place])
            story.note_all_rows(len(models) - len(chosen.members), len(rows), failed)
        self._clock.lap("training on all rows")
        return averaged(models, weights)


def trained_again(tuner: Tuner, trial: Trial, rows: Rows, share: float) -> Any:
    """A new network for a trial, trained on all rows for as many steps as were best.

    It is steps that are equal, not epochs, because the learning rate falls from step to step.

    Args:
        share: of the rows, those that the search trained on.
    """
    epochs = max(round(((trial.best_step or 0) + 1) * share), 1)
    return tuner.retrain(trial, epochs=epochs, verbose=0, **rows.arguments())


def seconds_to_best(trial: Trial) -> float:
    """How long a trial trained until its best epoch."""
    share = ((trial.best_step or 0) + 1) / max(trial.epochs, 1)
    return (trial.seconds or 0.0) * min(share, 1.0)


def _weights(given: Any, samples: Any) -> np.ndarray:
    """Weights of samples, `(n,)`.

    Raises:
        ValueError: they are others in number, not finite, or below 0.
    """
    weights = checked_weights(given, samples)
    if weights.min() < 0 or weights.max() <= 0:
        raise ValueError(
            "Weights of samples must be 0 or more, and some above 0. Received: weights from "
            f"{weights.min():g} to {weights.max():g}."
        )
    return weights.astype(np.float32)


def _seed_of(settings: Settings) -> int:
    """The seed; a search that is resumed has to split the rows as before."""
    if settings.seed is not None:
        return settings.seed
    drawn = int(np.random.default_rng().integers(2**31))
    return drawn if settings.directory is None else 0


def _parted(x: Any, y: np.ndarray, weights: Any, split: Split) -> tuple[Rows, Rows]:
    def part(rows: np.ndarray) -> Rows:
        return Rows(rows_of(x, rows), y[rows], None if weights is None else weights[rows])

    return part(split.train), part(split.validation)


def _given(
    seen: Look,
    x: Any,
    y: np.ndarray,
    weights: Any,
    targets: Targets,
    validation: tuple[Any, Any],
) -> tuple[Rows, Rows]:
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise ValueError(
            "`validation_data` must be a pair (x, y). Received: "
            f"{type(validation).__name__}: {str(validation)[:80]}."
        )
    look(*validation, seen.kind, seen.task)
    held_out = targets.encode(as_targets(validation[1]))
    ones = None if weights is None else np.ones(len(held_out), dtype=np.float32)
    return Rows(x, y, weights), Rows(as_samples(validation[0]), held_out, ones)
