"""What workers do with lists of segments."""

import pickle
import traceback

import pytest

from kerastune_lite._src.search.execution.serving import served
from kerastune_lite._src.util.errors import FatalRuntimeError, FatalValueError
from kerastune_lite.schedulers import Decision
from tests.doubles import job_of
from tests.search.execution.conformance import segments


def serve(function, several, folder):
    return served(job_of(function), several, folder, lambda event: Decision.CONTINUE)


def test_an_empty_log_is_deleted_before_another_worker_may_use_it(tmp_path):
    log = tmp_path / "logs" / "trial_0000.log"
    reports = serve(lambda hp, report, segment: 0.0, segments(2), tmp_path)
    assert next(reports).executions[0].log is None
    assert log.exists(), "the next segment may print"
    assert next(reports).executions[0].log is None
    assert not log.exists()
    log.touch()  # by a worker that trains the next execution
    assert list(reports) == []
    assert log.exists()


def test_a_log_that_somebody_deletes_does_no_harm(tmp_path):
    def train(hp, report, segment):
        (tmp_path / "logs" / "trial_0000.log").unlink()
        return 1.0

    (report,) = serve(train, segments(1), tmp_path)
    assert report.executions[0].score == 1.0


class Odd(FatalValueError):
    def __init__(self, one, two):
        super().__init__("odd")


@pytest.mark.parametrize(
    ("error", "kind"), [(FatalValueError("odd"), FatalValueError), (Odd(1, 2), FatalRuntimeError)]
)
def test_a_fatal_error_arrives_with_the_frames_of_the_worker(error, kind, tmp_path):
    def train(hp, report, segment):
        raise error

    (report,) = serve(train, segments(1), tmp_path)
    arrived = pickle.loads(pickle.dumps(report)).fatal  # noqa: S301
    assert type(arrived) is kind
    assert "odd" in str(arrived)
    shown = "".join(traceback.format_exception(arrived))
    assert "in train" in shown
