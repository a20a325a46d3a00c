"""Scores on data that the search has not used, next to the validation scores."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator, Sequence
from typing import overload

from kerastune_lite._src.core.objective import Objective


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The scores of one model.

    Attributes:
        trial: the number of the trial.
        validation: the score of the model in the search; if the trial has several executions, that
            of the best one, whose weights are kept.
        held_out: the score of the model on the held-out data.
    """

    trial: int
    validation: float
    held_out: float

    @property
    def difference(self) -> float:
        """Held-out minus validation."""
        return self.held_out - self.validation


@dataclasses.dataclass(frozen=True, repr=False)
class Evaluations(Sequence[Evaluation]):
    """The best trials by validation score, with their held-out scores; prints as a table.

    Attributes:
        objective: of the scores.
        rows: the best on validation data first.
    """

    objective: Objective
    rows: tuple[Evaluation, ...]

    @overload
    def __getitem__(self, index: int) -> Evaluation: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Evaluation, ...]: ...
    def __getitem__(self, index: int | slice) -> Evaluation | tuple[Evaluation, ...]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Evaluation]:
        return iter(self.rows)

    def notes(self) -> list[str]:
        """Sentences on what the held-out scores mean for the choice of a trial."""
        notes = [self._optimism()]
        if len(self) > 1:
            notes.append(self._ranking())
        return [note for note in notes if note]

    def _optimism(self) -> str:
        """A sentence, if validation scores are better by more than the trials differ in them."""
        losses = [self.objective.loss_of(row.validation) for row in self]
        gaps = [self.objective.loss_of(row.held_out) - loss for row, loss in zip(self, losses)]
        mean, width = statistics.fmean(gaps), max(losses) - min(losses)
        if min(gaps) <= 0 or mean <= width:
            return ""
        text = f"All held-out scores are worse than on validation data, by {mean:.2g} on average"
        if len(self) == 1:
            return f"{text}: expect the held-out score of new data."
        return (
            f"{text}, which is more than these trials differ on validation data ({width:.2g}). "
            "Part of what they were chosen for is chance, or the held-out data is harder; expect "
            "the held-out scores of new data."
        )

    def _ranking(self) -> str:
        ranked = sorted(self, key=lambda row: self.objective.loss_of(row.held_out))
        best, first = ranked[0], self[0]
        if best.trial == first.trial or best.held_out == first.held_out:
            return f"Trial {first.trial} is the best on held-out data, too."
        return (
            f"On held-out data trial {best.trial} is the best, and trial {first.trial} is "
            f"{ranked.index(first) + 1}. of {len(self)}. Choosing again by these scores would use "
            "up the held-out data as well: compare the two with more executions_per_trial."
        )

    def __str__(self) -> str:
        lines = [
            f"{self.objective.name}: validation and held-out scores of the best {len(self)}",
            f"{'trial':>7}{'validation':>13}{'held-out':>11}{'difference':>13}",
        ]
        lines += [
            f"{row.trial:>7}{row.validation:>13.4f}{row.held_out:>11.4f}{row.difference:>+13.4f}"
            for row in self
        ]
        return "\n".join(lines + self.notes())

    __repr__ = __str__
