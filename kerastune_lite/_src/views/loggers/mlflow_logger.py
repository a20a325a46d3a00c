"""Searches in MLflow."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastune_lite._src.core.events import SearchStarted
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.util.public import public
from kerastune_lite._src.views.loggers.trial_logger import Point, TrialLogger

_TAG = "kerastune_lite.key"
_TRIAL = "kerastune_lite.trial"
_PARENT = "mlflow.parentRunId"
_NAME = "mlflow.runName"
_MOST = 1000
"""How many metrics MLflow takes at once."""
_LONGEST = 5000
"""How long texts are that it takes as a tag."""
_TIMEOUT = 10.0


@public("kerastune_lite.callbacks")
class MLflowLogger(TrialLogger):
    """Logs a search to MLflow: a run for the search, and below it one for each trial.

    A trial's run has its values as parameters, its metrics by epoch, and its score. Pass it to
    `search(callbacks=[...])`. A search that is resumed goes on with the same runs. Needs the extra
    `[mlflow]`. If MLflow fails in mid-search, the logger is switched off with a warning.

    Args:
        tracking_uri: of the server or the store, such as "http://127.0.0.1:5000" or
            "sqlite:///mlflow.db"; default: what MLflow has been told, by `set_tracking_uri` or
            MLFLOW_TRACKING_URI.
        experiment: its name, made if there is none; default: the name of the project.
        run_name: of the search; default: the name of the project.
        log_model: whether the best model is stored as an artifact (`model/best.keras`) of the
            search's run when a search has ended.

    Raises:
        ImportError: MLflow is not installed.

    Example:
        >>> import kerastune_lite as kt
        >>> logger = kt.callbacks.MLflowLogger("sqlite:///mlflow.db", experiment="digits")
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        run_name: str | None = None,
        log_model: bool = False,
    ) -> None:
        super().__init__(log_model)
        try:
            import mlflow
        except ImportError as error:
            raise ImportError(
                'MLflowLogger needs MLflow. Install it with: pip install "kerastune_lite[mlflow]"'
            ) from error
        self._mlflow: Any = mlflow
        self._client: Any = None
        self._uri = tracking_uri
        self._experiment = experiment
        self._run_name = run_name
        self._experiment_id = self._parent = ""
        self._runs: dict[int, str] = {}

    def _connect(self) -> None:
        uri = self._uri or self._mlflow.get_tracking_uri()
        if uri.startswith("http"):
            _check_answers(uri)
        self._client = self._mlflow.MlflowClient(uri)

    def _begin(self, search: SearchStarted, key: str) -> set[int]:
        name = self._experiment or search.project
        found = self._client.get_experiment_by_name(name)
        self._experiment_id = found.experiment_id if found else self._client.create_experiment(name)
        self._runs = {}
        self._parent = self._continued(f"tags.`{_TAG}` = '{key}'") or self._new_run(
            self._run_name or search.project, {_TAG: key}
        )
        self._client.set_tag(self._parent, "kerastune_lite.folder", self._folder[:_LONGEST])
        self._client.set_tag(self._parent, "objective", search.objective.name)
        children = self._found(f"tags.`{_PARENT}` = '{self._parent}'")
        ended = set()
        for run in children:
            number = int(run.data.tags.get(_TRIAL, -1))
            self._runs[number] = run.info.run_id
            if run.info.status in ("FINISHED", "FAILED"):
                ended.add(number)
        return ended

    def _begin_trial(self, trial: Trial, key: str) -> None:
        run = self._runs.get(trial.number)
        if run is None:
            tags = {_PARENT: self._parent, _TAG: key, _TRIAL: str(trial.number)}
            self._runs[trial.number] = self._new_run(f"trial_{trial.trial_id}", tags)
        else:
            self._client.update_run(run, status="RUNNING")

    def _log(self, number: int, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(_allowed(name), float(value), int(point.time * 1000), point.epoch)
            for point in points
            for name, value in point.metrics.items()
        ]
        for start in range(0, len(metrics), _MOST):
            self._client.log_batch(self._runs[number], metrics[start : start + _MOST])

    def _end_trial(self, trial: Trial) -> None:
        from mlflow.entities import Metric, Param, RunTag

        run, now = self._runs[trial.number], int(self._clock() * 1000)
        # Only now it is known which hyperparameters it used.
        params = [Param(_allowed(name), str(value)) for name, value in trial.values.items()]
        result = {f"best_epoch/{name}": value for name, value in trial.metrics.items()}
        if trial.score is not None:
            result["score"] = trial.score
        metrics = [Metric(_allowed(name), float(value), now, 0) for name, value in result.items()]
        tags = [RunTag("status", str(trial.status))]
        if trial.failure is not None:
            tags.append(RunTag("failure", trial.failure[:_LONGEST]))
        for start in range(0, max(len(params), 1), 100):
            self._client.log_batch(run, metrics, params[start : start + 100], tags)
        failed = trial.status is TrialStatus.FAILED
        self._client.set_terminated(run, "FAILED" if failed else "FINISHED")

    def _send_model(self, path: Path) -> None:
        self._client.log_artifact(self._parent, str(path), "model")

    def _end(self, best: Trial | None, message: str) -> None:
        if best is not None and best.score is not None:
            now = int(self._clock() * 1000)
            self._client.log_metric(self._parent, "best_score", best.score, now, len(self._ended))
            self._client.set_tag(self._parent, "best_trial", best.trial_id)
        self._client.set_tag(self._parent, "ended", message[:_LONGEST])
        self._client.set_terminated(self._parent)

    def _new_run(self, name: str, tags: dict[str, str]) -> str:
        run = self._client.create_run(self._experiment_id, tags={**tags, _NAME: name})
        return str(run.info.run_id)

    def _continued(self, query: str) -> str | None:
        for run in self._found(query):
            self._client.update_run(run.info.run_id, status="RUNNING")
            return str(run.info.run_id)
        return None

    def _found(self, query: str) -> list[Any]:
        found, token = [], None
        while True:
            page = self._client.search_runs([self._experiment_id], query, page_token=token)
            found += page
            token = page.token
            if not token:
                return found


def _check_answers(uri: str) -> None:
    # MLflow's own requests are repeated for minutes before they fail.
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_TIMEOUT):
            pass
    except urllib.error.HTTPError:
        pass  # it answers; other servers of MLflow have no such page
    except OSError as error:
        raise ConnectionError(
            f"MLflowLogger sends the search to {uri}, which does not answer ({error}). Start the "
            "server (mlflow server), or correct tracking_uri."
        ) from error


def _allowed(name: str) -> str:
    """A name with the characters that MLflow allows."""
    return re.sub(r"[^\w\-. :/]", "_", name)
