"""After a search: the best trials and the starting configuration race, to confirm the winner."""

from __future__ import annotations

import collections
import dataclasses
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence

from kerastune_lite._src.analysis import confirming, racing
from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.confirmation import Confirmation, Round, Split
from kerastune_lite._src.core.history import TrialHistory
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Report, Segment, Trial
from kerastune_lite._src.search.failures import as_failed
from kerastune_lite._src.search.interrupts import Interrupts
from kerastune_lite._src.search.parts import Parts
from kerastune_lite._src.search.seeds import round_seed, split_place
from kerastune_lite._src.search.segments import Segments
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.store.checkpoints import best_execution
from kerastune_lite._src.util.formatting import exception_in

AUTO = 0.1
"""The part of the seconds of a search's trainings that a race may take if nobody asked for it."""


@dataclasses.dataclass(frozen=True)
class Confirm:
    """Whether and how long the best trials race.

    Attributes:
        share: at most this part of the seconds that the trainings of the search took; if the first
            rounds would take more, there is no race. None: up to `racing.MOST` rounds.
    """

    share: float | None = None


@dataclasses.dataclass
class Confirming:
    """The race after one call of `search()`.

    Attributes:
        how: see `Confirm`.
        parts: of the search.
        history: of the search, of which no trial is confirmed.
        space, objective, seed: of the search.
        rounds: the trainings of this race and of earlier ones; it is extended.
        segments: makes segments of trials.
        record: records events.
        interrupts: of the search.
    """

    how: Confirm
    parts: Parts
    history: TrialHistory
    space: Space
    objective: Objective
    seed: int
    rounds: list[Round]
    segments: Segments
    record: Callable[[ev.Event], None]
    interrupts: Interrupts

    def run(self) -> str:
        """Train the rounds that are missing, as far as `how` allows.

        Returns:
            What the end of the search says of a race without a winner; usually nothing.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; what was trained is in `rounds`.
        """
        best, _ = confirming.candidates(self.history, self.space)
        if len(best) < 2 or not self._may_begin(best):
            return ""
        while True:
            known = [each for each in self.rounds if self._is_valid(each)]
            race = confirming.race_of(self.history, self.space, known, self.objective)
            standing = race.standing()
            if not standing.missing or not self._may_go_on(standing, known):
                break
            self._train(self._wanted(race, standing), standing, len(best))
        found = settled(self.history, self.space, self.rounds, self.objective)
        if found is None:
            why = next((each.message for each in reversed(self.rounds) if each.message), None)
            return "" if why is None else f"; no winner was confirmed: {exception_in(why)}"
        self.history.confirm(self._with_weights(self.history[found.winner]))
        return ""

    def _with_weights(self, winner: Trial) -> Trial:
        """The winner; if its weights were not kept, it is trained in the same way again."""
        best = best_execution(winner)
        if best is None or not self.parts.checkpoints.keep:
            return winner
        if best.weights is not None and (self.parts.checkpoints.folder / best.weights).exists():
            return winner
        self.parts.runner.submit([self.segments.again(winner, best)])
        found: list[Execution] = []
        while not found:
            for report in self._reports():
                if report.lost is not None:
                    return winner
                found += report.executions
        if found[0].weights is None:  # It failed.
            return winner
        kept = dataclasses.replace(
            best, weights=found[0].weights, build_config=found[0].build_config
        )
        self.record(ev.WeightsKept(winner.number, kept))
        others = (each for each in winner.executions if each is not best)
        return dataclasses.replace(winner, executions=(*others, kept))

    # ------------------------------------------------------------------ how long

    def _may_begin(self, best: Sequence[Trial]) -> bool:
        """Whether the first rounds cost little enough, by what the candidates' trainings took."""
        if self.how.share is None:
            return True
        known = collections.Counter(each.trial for each in self.rounds if self._is_valid(each))
        left = {each.number: max(racing.LEAST - known[each.number], 0) for each in best}
        cost = sum(left[each.number] * _seconds(each.completed_executions) for each in best)
        return self._spent + cost <= self._allowed

    def _may_go_on(self, standing: racing.Standing, known: Sequence[Round]) -> bool:
        """Whether another round fits, by what the rounds so far took."""
        if self.how.share is None or standing.rounds < racing.LEAST:
            return True
        racers = {each.number for each in confirming.candidates(self.history, self.space)[0]}
        mean = statistics.fmean(each.seconds for each in known if each.trial in racers)
        return self._spent + mean * len(standing.missing) <= self._allowed

    @property
    def _spent(self) -> float:
        """The seconds of this race and of those after earlier calls."""
        return sum(each.seconds for each in self.rounds)

    @property
    def _allowed(self) -> float:
        """Seconds."""
        spent = sum(e.seconds for trial in self.history for e in trial.executions)
        return spent * (self.how.share or 0.0)

    # ------------------------------------------------------------------ training

    def _wanted(self, race: racing.Race, standing: racing.Standing) -> list[tuple[int, int]]:
        """The trainings that are certainly needed, by trial and round."""
        first = range(standing.rounds, racing.LEAST)
        needed = [(trial, number) for number in first for trial in standing.left]
        return [place for place in needed or standing.missing if place not in race.losses]

    def _train(
        self, wanted: Sequence[tuple[int, int]], standing: racing.Standing, candidates: int
    ) -> None:
        number = 1 + min(round_number for _, round_number in wanted)
        if number > standing.rounds:  # Otherwise the start catches up.
            self.record(ev.RoundStarted(number, racing.MOST, len(standing.left), candidates))
        self._submit(wanted)
        open_places, lost = set(wanted), set[tuple[int, int]]()
        while open_places:
            for report in self._reports():
                open_places -= self._noted(report, lost)
                segment = report.segment
                of_segment = {_place(each) for each in (segment, *segment.companions)}
                if missing := sorted(open_places & of_segment):
                    self._submit(missing)

    def _noted(self, report: Report, lost: set[tuple[int, int]]) -> set[tuple[int, int]]:
        """Record the trainings of a report; returns their places.

        Args:
            lost: the places of trainings whose process died: the second time, they have failed.
        """
        place = _place(report.segment)
        if report.lost is not None and place in lost:
            report = as_failed(report, report.lost)
        elif report.lost is not None:
            lost.add(place)
        trial = report.segment.trial
        for execution in report.executions:
            self._ended(trial, execution)
        return {(trial.number, execution.index) for execution in report.executions}

    def _submit(self, places: Sequence[tuple[int, int]]) -> None:
        """Have trainings run: the rounds of a trial side by side, if that takes less time."""
        segments = [self._segment(*place) for place in places]
        if self.parts.runner.together == 1:
            for segment in segments:
                self.parts.runner.submit([segment])
            return
        of_trial: dict[int, list[Segment]] = {}
        for segment in segments:
            of_trial.setdefault(segment.trial.number, []).append(segment)
        stacks = [
            dataclasses.replace(first, companions=tuple(others))
            for first, *others in of_trial.values()
        ]
        if self.parts.runner.workers > 1:
            for stack in stacks:
                self.parts.runner.submit([stack])
        else:
            self.parts.runner.submit(stacks)

    def _reports(self) -> Iterator[Report]:
        """The next reports; what was left to be trained elsewhere is submitted again.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
            FatalError: the user's code raised it.
        """
        with self.interrupts.interruptible():
            reports = self.parts.runner.wait(more=False)
        for report in reports:
            failed = any(e.outcome is not Outcome.COMPLETED for e in report.executions)
            if self.interrupts.requested and (failed or report.fatal is not None):
                raise KeyboardInterrupt
            if report.fatal is not None:
                raise report.fatal
            if report.moved:
                self.parts.runner.submit([report.segment])
            else:
                yield report

    def _segment(self, number: int, round_number: int) -> Segment:
        trial, split = self.history[number], self._split(round_number)
        return Segment(
            trial,
            round_number,
            end_epoch=trial.goal,
            seed=round_seed(self.seed, round_number),
            keep_below=float("-inf"),
            race=True,
            place=None if split is None else split.place,
        )

    def _split(self, round_number: int) -> Split | None:
        share = self.parts.job.validation_share
        return None if share is None else Split(split_place(self.seed, round_number), share)

    def _is_valid(self, training: Round) -> bool:
        """Whether it was trained as it would be now."""
        seed, split = round_seed(self.seed, training.number), self._split(training.number)
        return (training.seed, training.split) == (seed, split)

    def _ended(self, trial: Trial, execution: Execution) -> None:
        number = execution.index
        training = Round(
            trial.number,
            number,
            trial.goal,
            round_seed(self.seed, number),
            self._split(number),
            execution.outcome,
            execution.score,
            execution.metrics,
            execution.epochs,
            execution.seconds,
            execution.message,
        )
        self.record(ev.RoundEnded(training))
        self.rounds[:] = [each for each in self.rounds if not training.replaces(each)]
        self.rounds.append(training)


def _place(segment: Segment) -> tuple[int, int]:
    return segment.trial.number, segment.execution


def _seconds(executions: Sequence[Execution]) -> float:
    """What a training takes."""
    return statistics.fmean(each.seconds for each in executions) if executions else 0.0


def settled(
    history: TrialHistory, space: Space, rounds: Iterable[Round], objective: Objective
) -> Confirmation | None:
    """What races say of the trials; the winner comes first in `history` from now on."""
    found = confirming.confirmation(history, space, rounds, objective)
    history.confirm(None if found is None else history[found.winner])
    return found
