"""Searches in Weights & Biases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.events import SearchStarted
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.util.public import public
from kerastune_lite._src.views.loggers.trial_logger import Point, TrialLogger


@public("kerastune_lite.callbacks")
class WandbLogger(TrialLogger):
    """Logs a search to Weights & Biases: a run for the search and one for each trial, in a group.

    A trial's run has its values as its config, its metrics by epoch, and its score; that of the
    search, of the job type "search", has all scores. Pass it to `search(callbacks=[...])`. A search
    that is resumed goes on with the same runs; those of trials that ended before the logger was
    used are not made. Needs the extra `[wandb]`. If W&B fails in mid-search, the logger is switched
    off with a warning.

    Args:
        project: of W&B; default: the name of the search's project.
        entity: whose project that is; default: the one who is logged in.
        group: default: the name of the search's project.
        mode: "online", "offline" (files in the folder `wandb` of the project, for `wandb sync`), or
            "disabled"; default: what W&B has been told by WANDB_MODE, otherwise "online".
        log_model: whether the best model is stored as an artifact of the search's run when a search
            has ended.

    Raises:
        ImportError: W&B is not installed.
        ValueError: `mode` is none of these.

    Example:
        >>> import kerastune_lite as kt
        >>> logger = kt.callbacks.WandbLogger("digits", mode="offline")
    """

    def __init__(
        self,
        project: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        mode: str | None = None,
        log_model: bool = False,
    ) -> None:
        super().__init__(log_model)
        if mode not in (None, "online", "offline", "disabled"):
            raise ValueError(
                f'`mode` is "online", "offline" or "disabled". Received: mode={mode!r}.'
            )
        try:
            import wandb
        except ImportError as error:
            raise ImportError(
                "WandbLogger needs Weights & Biases. Install it with: "
                'pip install "kerastune_lite[wandb]"'
            ) from error
        self._wandb: Any = wandb
        self._project, self._entity, self._group, self._mode = project, entity, group, mode
        self._named = self._key_of_search = ""
        self._parent: Any = None
        self._runs: dict[int, Any] = {}

    def close(self) -> None:
        super().close()
        # A run that is not finished would be marked as crashed, also if it is to be resumed.
        for run in (*self._runs.values(), *([self._parent] if self._parent else [])):
            run.finish()
        self._runs, self._parent = {}, None

    def _connect(self) -> None:
        mode = self._mode or self._wandb.setup().settings.mode
        if mode == "online" and not self._wandb.login(prompt=False):
            raise ConnectionError(
                "WandbLogger sends the search to Weights & Biases, and nobody is logged in. Run "
                '`wandb login`, or pass mode="offline".'
            )

    def _begin(self, search: SearchStarted, key: str) -> None:
        self._named = search.project
        self._key_of_search = key
        self._parent = self._run("search", self._group or search.project, key)
        self._parent.config.update({"objective": search.objective.name, "folder": self._folder})

    def _begin_trial(self, trial: Trial, key: str) -> None:
        name = f"trial_{trial.trial_id}"
        run = self._run("trial", name, key)
        run.config.update({**trial.values, "trial": trial.number}, allow_val_change=True)
        run.define_metric("*", step_metric="epoch")
        self._runs[trial.number] = run

    def _log(self, number: int, points: Sequence[Point]) -> None:
        for point in points:
            self._runs[number].log({"epoch": point.epoch, **point.metrics})

    def _end_trial(self, trial: Trial) -> None:
        run = self._runs.pop(trial.number)
        # Only now it is known which hyperparameters it used.
        run.config.update(dict(trial.values), allow_val_change=True)
        run.summary.update({"status": str(trial.status), "score": trial.score})
        if trial.failure is not None:
            run.summary["failure"] = trial.failure
        run.finish(int(trial.status is TrialStatus.FAILED))
        self._parent.log({"trial": trial.number, "score": trial.score})

    def _send_model(self, path: Path) -> None:
        artifact = self._wandb.Artifact(f"{self._project or self._named}-best", type="model")
        artifact.add_file(str(path))
        # The search has ended, and its run as well: this goes on with it.
        run = self._run("search", self._group or self._named, self._key_of_search)
        run.log_artifact(artifact)
        run.finish()

    def _end(self, best: Trial | None, message: str) -> None:
        if best is not None:
            found = {"best_trial": best.trial_id, "best_score": best.score}
            self._parent.summary.update({**found, **dict(best.values)})
        self._parent.summary["ended"] = message

    def _run(self, kind: str, name: str, key: str) -> Any:
        Path(self._folder).mkdir(parents=True, exist_ok=True)
        return self._wandb.init(
            project=self._project or self._named,
            entity=self._entity,
            group=self._group or self._named,
            job_type=kind,
            name=name,
            id=key,
            dir=self._folder,
            mode=self._mode,
            resume="allow",
            reinit="create_new",
            settings=self._wandb.Settings(silent=True, console="off"),
        )
