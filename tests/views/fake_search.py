"""A search of made-up events, and what TensorBoard's own reader finds of it on disk."""

import dataclasses

from kerastune_lite._src.core.events import (
    EpochEnded,
    ExecutionEnded,
    SearchEnded,
    SearchStarted,
    SegmentStarted,
    StopReason,
    TrialEnded,
    TrialStarted,
)
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Execution, Outcome, Trial, TrialStatus
from kerastune_lite.hyperparameters import Float, Int, Parameter, Space

UNITS = Parameter("units", Int(8, 64))
RATE = Parameter("learning_rate", Float(1e-4, 1e-1, sampling="log"))
PLAIN = Space([UNITS, RATE])


class FakeSearch:
    """Tells views what a search would, without training anything."""

    def __init__(self, *views, space=PLAIN, repeats=1, trials=(), project="digits"):
        self.views = views
        self.repeats = repeats
        self.space = space
        self.trials = list(trials)
        objective = Objective("val_loss", "min")
        self.tell(SearchStarted(project, objective, space, 9, tuple(trials), {}, 1e9, repeats))

    def tell(self, *events):
        for event in events:
            for view in self.views:
                view.on_event(event)

    def start(self, number, values):
        trial = Trial(number, values, self.space, started=1e9 + number)
        self.tell(TrialStarted(trial))
        return trial

    def train(
        self,
        trial,
        execution=0,
        attempt=0,
        epochs=(0, 2),
        score=0.5,
        retry=False,
        curve=None,
        **more,
    ):
        """Train from one epoch to another; a score of None stands for a failure.

        `curve` is val_loss, by epoch.
        """
        key = trial.number, execution, attempt
        self.tell(SegmentStarted(*key, epochs[0], None, 1e9))
        for epoch in range(*epochs):
            metrics = {"loss": 2.0 - epoch, "val_loss": 3.0 - epoch, "learning_rate": 0.5}
            if curve is not None:
                metrics["val_loss"] = curve[epoch]
            self.tell(EpochEnded(*key, epoch, metrics))
        outcome = Outcome.FAILED if score is None else Outcome.COMPLETED
        best = epochs[1] - 1 if epochs[1] > epochs[0] else None
        result = Execution(
            execution, outcome, attempt, score, score, best_epoch=best, epochs=epochs[1], **more
        )
        self.tell(ExecutionEnded(trial.number, result, retry))
        return result

    def end(self, trial, *executions, values=None):
        failed = any(each.outcome is not Outcome.COMPLETED for each in executions)
        scores = [each.score for each in executions if each.score is not None]
        score = None if failed or not scores else sum(scores) / len(scores)
        trial = dataclasses.replace(
            trial,
            values=trial.values if values is None else values,
            status=TrialStatus.FAILED if failed else TrialStatus.COMPLETED,
            executions=executions,
            score=score,
            loss=score,
            message=executions[-1].message if failed else None,
            finished=trial.started + 1,
        )
        self.trials.append(trial)
        self.tell(TrialEnded(trial))
        return trial

    def run(self, number, values, used=None, scores=(0.5,), epochs=2, **more):
        """A whole trial with one execution per score."""
        trial = self.start(number, values)
        results = [
            self.train(trial, index, epochs=(0, epochs), score=score, **more)
            for index, score in enumerate(scores)
        ]
        return self.end(trial, *results, values=used)

    def stop(self):
        self.tell(SearchEnded(StopReason.BUDGET, "", 1e9))
        for view in self.views:
            view.close()


def events_of(run):
    """The events of a run, by TensorBoard's own record reader."""
    from tensorboard.compat.proto import event_pb2
    from tensorboard.compat.tensorflow_stub import errors, pywrap_tensorflow

    events = []
    for path in sorted(run.glob("*tfevents*")):
        reader = pywrap_tensorflow.PyRecordReader_New(str(path))
        while True:
            try:
                reader.GetNext()
            except errors.OutOfRangeError:
                break
            events.append(event_pb2.Event.FromString(reader.record()))
    assert events[0].file_version == "brain.Event:2"
    return events


def scalars_of(run):
    """{tag: [(step, value), ...]}, each tag described as a scalar when it is first met."""
    result = {}
    for event in events_of(run):
        for value in event.summary.value:
            if value.tag.startswith("_hparams_"):
                continue
            if value.tag not in result:
                assert value.metadata.plugin_data.plugin_name == "scalars"
            result.setdefault(value.tag, []).append((event.step, value.tensor.float_val[0]))
    return result


@dataclasses.dataclass
class Session:
    group: str
    hparams: dict
    status: str
    seconds: float


def sessions_of(directory):
    """{run: Session} of all runs below a directory; a second start or end would be an error."""
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

    result = {}
    for run in sorted({path.parent for path in directory.rglob("*tfevents*")}):
        found = {}
        for event in events_of(run):
            for value in event.summary.value:
                if value.tag.startswith("_hparams_"):
                    assert value.tag not in found
                    content = value.metadata.plugin_data.content
                    found[value.tag] = plugin_data_pb2.HParamsPluginData.FromString(content)
        if found:
            start = found["_hparams_/session_start_info"].session_start_info
            end = found["_hparams_/session_end_info"].session_end_info
            result[run.relative_to(directory).as_posix()] = Session(
                start.group_name,
                {
                    name: getattr(value, value.WhichOneof("kind"))
                    for name, value in sorted(start.hparams.items())
                },
                api_pb2.Status.Name(end.status),
                end.end_time_secs - start.start_time_secs,
            )
    return result


def rows_of(directory):
    return {run: session.hparams for run, session in sessions_of(directory).items()}
