"""What the user has set for the whole process holds in workers, too."""

import pytest

from kerastune_lite._src.keras.loading import load_keras
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

        settings.apply()
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

    runner = ProcessRunner(1, tmp_path)
    runner.open(job_of(train), emit)
    runner.submit(segments(1))
    (report,) = runner.wait()
    runner.close()
    assert report.executions[0].message is None
    assert seen == [{"loss": 0.0, "policy": 1.0, "epsilon": 1e-4, "short": 0.0, "object": 1.0}]


def test_they_are_left_alone_where_they_are_from(settings):
    keras.config.set_epsilon(1e-3)
    settings.apply()
    assert keras.config.epsilon() == 1e-3
