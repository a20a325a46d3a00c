"""What the user has set for the whole process holds in workers, too."""

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.search.execution.inline import InlineRunner
from kerastune_lite._src.search.execution.processes import ProcessRunner
from kerastune_lite.schedulers import Decision
from tests.doubles import job_of
from tests.search.execution.conformance import segments

keras = load_keras()

from kerastune_lite._src.keras.process_settings import ProcessSettings  # noqa: E402

pytestmark = pytest.mark.slow


class Doubled(keras.layers.Dense):
    """A layer that the user has registered by name."""


@pytest.fixture
def settings():
    """Other settings than Keras's own, while they are read."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_epsilon(1e-4)
    keras.config.disable_traceback_filtering()
    keras.saving.get_custom_objects()["Doubled"] = Doubled
    try:
        yield ProcessSettings.of_this_process()
    finally:
        del keras.saving.get_custom_objects()["Doubled"]
        keras.config.enable_traceback_filtering()
        keras.config.set_epsilon(1e-7)
        keras.config.set_dtype_policy(before)


def test_a_worker_takes_them_over(settings, tmp_path):
    def train(hp, report, segment):
        import keras

        found = {
            "policy": float(keras.config.dtype_policy().name == "mixed_bfloat16"),
            "epsilon": keras.config.epsilon(),
            "short": float(keras.config.is_traceback_filtering_enabled()),
            "object": float("Doubled" in keras.saving.get_custom_objects()),
        }
        report({"loss": 0.0, **found})
        return 0.0

    seen = []

    def emit(event):
        seen.append(dict(event.metrics))
        return Decision.CONTINUE

    job = job_of(train)
    job.settings = settings
    runner = ProcessRunner(1, tmp_path)
    runner.open(job, emit)
    runner.submit(segments(1))
    (report,) = runner.wait()
    runner.close()
    assert report.executions[0].message is None
    assert seen == [{"loss": 0.0, "policy": 1.0, "epsilon": 1e-4, "short": 0.0, "object": 1.0}]


def test_the_process_that_they_are_from_is_left_alone(settings):
    keras.config.set_epsilon(1e-3)
    job = job_of(lambda hp, report, segment: keras.config.epsilon())
    job.settings = settings
    runner = InlineRunner()
    runner.open(job, lambda event: Decision.CONTINUE)
    runner.submit(segments(1))
    (report,) = runner.wait()
    runner.close()
    assert report.executions[0].score == 1e-3


@pytest.mark.parametrize("data_fn", [None, lambda: (np.ones((8, 2)), np.ones(8))])
def test_each_search_has_them(settings, data_fn, tmp_path, forked_workers):
    """Also one whose job is made only when its data is there."""

    def build(hp):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 1))])
        model.compile("sgd", "mse")
        assert model.layers[0].dtype_policy.name == "mixed_bfloat16"
        return model

    tuner = kt.GridSearch(build, "loss", max_trials=1, directory=tmp_path)
    given = () if data_fn else (np.ones((8, 2)), np.ones(8))
    tuner.search(*given, data_fn=data_fn, workers=1, trial_timeout=600, verbose=0)
    assert tuner.trials[0].status.value == "COMPLETED"
