"""The account of a fit: what was seen, done, tried and found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from kerastune_lite._src.automl.looking import Look
from kerastune_lite._src.automl.scoring import LOSSES, SCORES
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.util.formatting import (
    counted,
    html_block,
    html_line,
    html_table,
    score_text,
    seconds_text,
    value_text,
)


@dataclasses.dataclass
class Story:
    """What a fit did, as plain data that JSON can hold.

    Attributes:
        kind, task, rows, why_kind, why_task: see `Look`.
        target, split, encoding: in words.
        baselines: dicts of "name", "loss", "score".
        trials, failed: how many.
        best: of the best network: "trial", "loss", "score", "values", "epochs".
        members: of the ensemble: dicts of "trial" and "weight".
        ensemble: its "loss" and "score" on the rows that it was chosen on.
        further, all_rows: how many networks were trained on all rows, and how many rows these are.
        left_out: how many more were trained on all rows, and had failed.
        seconds: what was done -> seconds.
        weighted: whether samples have weights, in all losses and scores.
    """

    kind: str
    task: str
    rows: int
    why_kind: str
    why_task: str
    target: str = ""
    split: str = ""
    encoding: str = ""
    baselines: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    trials: int = 0
    failed: int = 0
    best: dict[str, Any] = dataclasses.field(default_factory=dict)
    members: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    ensemble: dict[str, float] = dataclasses.field(default_factory=dict)
    further: int = 0
    all_rows: int = 0
    left_out: int = 0
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    weighted: bool = False

    @staticmethod
    def of(seen: Look) -> Story:
        """The beginning of it."""
        return Story(**dataclasses.asdict(seen))

    def note_search(
        self,
        trials: Sequence[Trial],
        best: Sequence[Trial],
        losses: Sequence[float],
        scores: Sequence[float],
    ) -> None:
        """Note what was tried, and the best single network.

        Args:
            trials: all of them.
            best: the best ones, with their losses and scores on the validation rows.
        """
        self.trials = len(trials)
        self.failed = sum(trial.status is TrialStatus.FAILED for trial in trials)
        place = min(range(len(losses)), key=losses.__getitem__)
        self.best = {
            "trial": best[place].number,
            "loss": losses[place],
            "score": scores[place],
            "values": dict(best[place].values),
            "epochs": (best[place].best_step or 0) + 1,
        }

    def note_ensemble(self, weights: Mapping[int, float], loss: float, score: float) -> None:
        """Note the ensemble: number of a trial -> weight; its loss and score."""
        self.members = [{"trial": number, "weight": share} for number, share in weights.items()]
        self.ensemble = {"loss": loss, "score": score}

    def note_all_rows(self, networks: int, rows: int, failed: int) -> None:
        """Note how many further networks were trained on all rows, and how many were left out."""
        self.further, self.all_rows, self.left_out = networks, rows, failed

    # ------------------------------------------------------------------ in words

    def seen(self) -> str:
        """What the data was taken for, and why."""
        return (
            f"Data: {_KINDS[self.kind]}, {counted(self.rows, 'row')} ({self.why_kind}).\n"
            f"Task: {self.task} ({self.why_task})."
        )

    def prepared(self) -> str:
        """What it was made of."""
        return f"Predicts {self.target} from {self.encoding}.\nValidates on {self.split}."

    def result(self) -> str:
        """The results in a small table."""
        rows = [self._headers(), *self._rows()]
        width, *others = (max(map(len, column)) for column in zip(*rows))
        loss_width, score_width = others
        return "\n".join(
            f"{name:{width}}  {loss:>{loss_width}}  {score:>{score_width}}"
            for name, loss, score in rows
        )

    def _headers(self) -> tuple[str, str, str]:
        how = ", weighted" if self.weighted else ""
        return "on the validation rows", LOSSES[self.task] + how, SCORES[self.task] + how

    def summary(self) -> str:
        """The result in a line."""
        found = self.ensemble["score"]
        networks = "a network" if len(self.members) == 1 else f"{len(self.members)} networks"
        return f"{networks}, {self._headers()[2]} {score_text(found)} on validation rows"

    def text(self) -> str:
        """All of it."""
        return "\n".join([self.seen(), self.prepared(), "", self.result(), "", *self._details()])

    def as_html(self, title: str) -> str:
        """All of it, for notebooks."""
        lines = [*self.seen().split("\n"), *self.prepared().split("\n")]
        headers = [*self._headers()]
        return html_block(
            html_line(title, bold=True),
            *map(html_line, lines),
            html_table(headers, self._rows(), left=headers[:1]),
            *map(html_line, self._details()),
        )

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = [(each["name"], each["loss"], each["score"]) for each in self.baselines]
        rows.append(("best network", self.best["loss"], self.best["score"]))
        if len(self.members) > 1:
            name = f"average of {len(self.members)} networks"
            rows.append((name, self.ensemble["loss"], self.ensemble["score"]))
        return [(name, score_text(loss), score_text(score)) for name, loss, score in rows]

    def _details(self) -> list[str]:
        values = ", ".join(f"{k}={value_text(v)}" for k, v in self.best["values"].items())
        failed = f", of which {self.failed} failed" if self.failed else ""
        lines = [
            f"Tried {counted(self.trials, 'network')}{failed}.",
            f"The best one, trial {self.best['trial']}, after "
            f"{counted(self.best['epochs'], 'epoch')}: {values}.",
        ]
        if len(self.members) > 1:
            shares = [f"trial {each['trial']} ({each['weight']:.0%})" for each in self.members]
            lines.append(f"The average is of {', '.join(shares)}.")
        simple = min(self.baselines, key=lambda each: each["loss"])
        if simple["loss"] <= self.ensemble["loss"]:
            lines.append(
                f"A simple model does as well: {simple['name']}. Use that one, or give the search "
                "more time."
            )
        if self.further:
            which = "it" if len(self.members) == 1 else f"{self.further} of these"
            lines.append(
                f"For {which} the model has a second network, trained on all {self.all_rows} rows "
                "for as many steps as were best. The figures above are without that."
            )
        if self.left_out:
            lines.append(
                f"{counted(self.left_out, 'network')} left out: trained on all rows, but without "
                "success."
            )
        lines.append(
            "The figures are somewhat too good: networks and epochs were chosen on these rows."
        )
        laps = [f"{name} {seconds_text(seconds)}" for name, seconds in self.seconds.items()]
        lines.append(f"Seconds: {', '.join(laps)}.")
        return lines


_KINDS = {"table": "a table", "image": "images", "series": "series", "text": "texts"}
