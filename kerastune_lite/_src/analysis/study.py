"""A search as an Optuna study, for its figures, its dashboard and its samplers.

`store/optuna_reading.py` reads studies that others have made. In Optuna a name has one distribution
for all trials, so all domains of a name (under several conditions, or before the space was
extended) are merged into the narrowest distribution that contains their values.
"""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.analysis.certainty import spread
from kerastune_lite._src.analysis.curves import Curves, mean_curve
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.scored_trials import at_the_end
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.space.choice import Choice
from kerastune_lite._src.space.domains import Boolean, Domain, Fixed, Value, same
from kerastune_lite._src.space.numeric import Float, Int
from kerastune_lite._src.space.parameters import Space
from kerastune_lite._src.util.optuna_package import load_optuna, quiet


def to_study(
    trials: Sequence[Trial],
    objective: Objective,
    curves: Mapping[int, Curves],
    name: str,
    storage: str | os.PathLike[str] | None = None,
    further: Mapping[Objective, Mapping[int, float]] | None = None,
) -> Any:
    """An `optuna.Study` of these trials, with their numbers.

    A trial that its scheduler stopped or left in a lower rung is PRUNED, a failed one FAIL. Scores
    by epoch are intermediate values; step 1 is the first epoch. The user attributes are `metrics`,
    `executions`, `epochs`, `seconds`, `spread`, `origin`, `parent` and `failure`, if known.

    Args:
        trials: in the order of their numbers.
        objective: of the search.
        curves: by the number of the trial.
        name: of the study.
        storage: a new file, for optuna-dashboard. With the suffix ".log" it is a journal, written
            quickly; otherwise a SQLite database, into which Optuna writes about ten trials per
            second. None: the study is in memory.
        further: more objectives, with their values by the number of the trial; trials without a
            value are left out.

    Raises:
        ImportError: Optuna is not installed.
        FileExistsError: the file exists.
        FileNotFoundError: the folder does not exist.
        ValueError: `storage` is not a path.
    """
    optuna = load_optuna()
    others = further or {}
    directions = [
        "maximize" if each.direction == "max" else "minimize" for each in (objective, *others)
    ]
    with quiet(optuna):
        study = optuna.create_study(
            storage=None if storage is None else _fresh_file(optuna, storage),
            study_name=name,
            directions=directions,
        )
        spaces = _distributions(optuna, trials)
        ended = at_the_end(trials)
        for trial in trials:
            values = [trial.score, *(of.get(trial.number) for of in others.values())]
            if others and (None in values or trial.status is TrialStatus.FAILED):
                continue
            study.add_trial(
                _frozen(optuna, trial, values, objective, curves, spaces, trial.number in ended)
            )
    return study


def _fresh_file(optuna: Any, storage: str | os.PathLike[str]) -> Any:
    text = os.fspath(storage)
    if "://" in text:
        raise ValueError(
            "`storage` must be the path of a file to write, such as 'study.log' or 'study.db'. "
            f"Received the URL {text!r}. For other databases use optuna.copy_study()."
        )
    path = Path(text).absolute()
    if path.exists():
        raise FileExistsError(
            f"`storage` must name a new file. {path} exists; delete it, or choose another name."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`storage` must name a file in an existing folder. There is no folder {path.parent}."
        )
    if path.suffix != ".log":
        return f"sqlite:///{path}"
    journal = optuna.storages.journal
    # Optuna's other lock is a symbolic link, which on Windows only administrators can create.
    backend = journal.JournalFileBackend(str(path), journal.JournalFileOpenLock(str(path)))
    return optuna.storages.JournalStorage(backend)


# ---------------------------------------------------------------------- trials


def _frozen(
    optuna: Any,
    trial: Trial,
    values: Sequence[float | None],
    objective: Objective,
    curves: Mapping[int, Curves],
    spaces: Mapping[str, Any],
    at_the_end: bool,
) -> Any:
    state = _state(optuna, trial, at_the_end)
    ended = state.is_finished()
    started = trial.started or 0.0
    line = mean_curve(curves.get(trial.number, ()), objective).tolist()
    scores = [value for value in values if value is not None and math.isfinite(value)]
    hidden = state.name not in ("COMPLETE", "PRUNED")
    return optuna.trial.FrozenTrial(
        number=trial.number,
        trial_id=trial.number,
        state=state,
        value=None,
        values=None if hidden or len(scores) < len(values) else scores,
        datetime_start=_time(started),
        datetime_complete=_time(trial.finished or started) if ended else None,
        params={name: _param(spaces[name], value) for name, value in trial.values.items()},
        distributions={name: spaces[name] for name in trial.values},
        user_attrs=_attributes(trial),
        # Where Optuna's own samplers keep them: at most 0 if satisfied.
        system_attrs={"constraints": list(trial.excesses)} if trial.excesses else {},
        intermediate_values={
            epoch: score for epoch, score in enumerate(line, 1) if math.isfinite(score)
        },
    )


def _state(optuna: Any, trial: Trial, at_the_end: bool) -> Any:
    states = optuna.trial.TrialState
    if trial.status is TrialStatus.RUNNING:
        return states.RUNNING
    if trial.status is TrialStatus.FAILED or trial.score is None or math.isnan(trial.score):
        return states.FAIL
    return states.COMPLETE if at_the_end else states.PRUNED


def _time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds)  # Optuna's times are local and naive


def _attributes(trial: Trial) -> dict[str, Any]:
    known = {
        "origin": trial.origin,
        "metrics": dict(trial.metrics),
        "executions": len(trial.completed_executions),
        "epochs": trial.epochs,
        "seconds": trial.seconds,
        "spread": spread(trial),
        "failure": trial.failure,
        "parent": None if trial.parent is None else str(trial.parent),
    }
    return {key: value for key, value in known.items() if value not in (None, {}, 0)}


# ---------------------------------------------------------------------- distributions


def _param(distribution: Any, value: Value) -> Any:
    """The value, or its repr if the distribution uses those."""
    choices = getattr(distribution, "choices", None)
    if choices is None or any(same(value, choice) for choice in choices):
        return value
    return repr(value)


def _distributions(optuna: Any, trials: Iterable[Trial]) -> dict[str, Any]:
    domains: dict[str, list[Domain]] = {}
    values: dict[str, list[Value]] = {}
    seen: Space | None = None
    for trial in trials:
        if trial.space is not seen:
            seen = trial.space
            for parameter in seen:
                known = domains.setdefault(parameter.name, [])
                if parameter.domain not in known:
                    known.append(parameter.domain)
        for name, value in trial.values.items():
            used = values.setdefault(name, [])
            if not any(same(value, each) for each in used[-1:]):
                used.append(value)
    return {name: _joined(optuna, domains.get(name, []), used) for name, used in values.items()}


def _joined(optuna: Any, domains: Sequence[Domain], used: Sequence[Value]) -> Any:
    """A distribution that contains all of these domains and all values that were used."""
    numbers = all(isinstance(value, (int, float)) for value in used)
    for kind, build in ((Int, _int), (Float, _float)):
        if numbers and domains and all(isinstance(domain, kind) for domain in domains):
            return build(optuna, domains, used)
    return _categorical(optuna, domains, used)


def _categorical(optuna: Any, domains: Sequence[Domain], used: Sequence[Value]) -> Any:
    listed = [value for domain in domains for value in _members(domain)]
    choices: list[Value] = []
    for value in [*listed, *used]:
        if not any(same(value, each) for each in choices):
            choices.append(value)
    # In Python, and so in Optuna, True equals 1.
    if len(set(choices)) < len(choices):
        return optuna.distributions.CategoricalDistribution([repr(each) for each in choices])
    return optuna.distributions.CategoricalDistribution(choices)


def _members(domain: Domain) -> list[Value]:
    listed = isinstance(domain, (Choice, Boolean, Fixed))
    return domain.grid() if listed else []


def _int(optuna: Any, domains: Sequence[Any], used: Sequence[Any]) -> Any:
    low, high, step, log = _range(domains, used)
    if log:
        return optuna.distributions.IntDistribution(low, high, log=True)
    on_steps = step is not None and all((value - low) % step == 0 for value in (*used, high))
    return optuna.distributions.IntDistribution(low, high, step=step if on_steps else 1)


def _float(optuna: Any, domains: Sequence[Any], used: Sequence[Any]) -> Any:
    low, high, step, log = _range(domains, used)
    if log or step is None:
        return optuna.distributions.FloatDistribution(low, high, log=log)
    steps = [(value - low) / step for value in (*used, high)]
    on_steps = all(abs(each - round(each)) < 1e-8 for each in steps)
    return optuna.distributions.FloatDistribution(low, high, step=step if on_steps else None)


def _range(domains: Sequence[Any], used: Sequence[Any]) -> tuple[Any, Any, Any, bool]:
    """The lowest and highest value, the step, and whether the scale is logarithmic.

    Optuna has no steps on a logarithmic scale and no reversed logarithmic scale; they are left
    out. The highest value is one that a step reaches.
    """
    low = min([domain.from_unit(0.0) for domain in domains] + list(used))
    high = max([domain.from_unit(1.0) for domain in domains] + list(used))
    log = all(domain.sampling == "log" for domain in domains)
    linear = all(domain.sampling == "linear" for domain in domains)
    steps = {domain.step for domain in domains}
    return low, high, steps.pop() if linear and len(steps) == 1 else None, log
