"""What a user has set for the whole process, to set it in worker processes, too."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from kerastune_lite._src.keras.compat import process_state
from kerastune_lite._src.keras.loading import load_keras

keras = load_keras()


@dataclasses.dataclass(frozen=True)
class ProcessSettings:
    """Settings of Keras and TensorFlow that change how models are built and trained.

    Attributes:
        dtype_policy, float_type, epsilon, image_data_format: as in `keras.config`.
        short_tracebacks, interactive: whether Keras shortens tracebacks, and draws progress bars.
        eagerly: whether `tf.function` runs without traces.
        deterministic: whether TensorFlow's operations compute the same each time.
        objects: those that the user registered with Keras by name.
    """

    dtype_policy: Any
    float_type: str
    epsilon: float
    image_data_format: str
    short_tracebacks: bool
    interactive: bool
    eagerly: bool
    deterministic: bool
    objects: dict[str, Any]

    @classmethod
    def of_this_process(cls) -> ProcessSettings:
        """The settings as they are now."""
        tf = sys.modules.get("tensorflow")
        return cls(
            keras.config.dtype_policy(),
            keras.config.floatx(),
            keras.config.epsilon(),
            keras.config.image_data_format(),
            keras.config.is_traceback_filtering_enabled(),
            keras.config.is_interactive_logging_enabled(),
            tf is not None and tf.config.functions_run_eagerly(),
            # To look for that loads TensorFlow.
            tf is not None
            and process_state.DETERMINISM.is_there
            and process_state.is_deterministic(),
            dict(keras.saving.get_custom_objects()),
        )

    def apply(self) -> None:
        """Set them in this process, which is another one."""
        keras.saving.get_custom_objects().update(self.objects)
        keras.config.set_floatx(self.float_type)
        keras.config.set_epsilon(self.epsilon)
        keras.config.set_image_data_format(self.image_data_format)
        keras.config.set_dtype_policy(self.dtype_policy)
        if not self.short_tracebacks:
            keras.config.disable_traceback_filtering()
        if not self.interactive:
            keras.config.disable_interactive_logging()
        if self.eagerly or self.deterministic:
            import tensorflow as tf

            tf.config.run_functions_eagerly(self.eagerly)
            if self.deterministic:
                tf.config.experimental.enable_op_determinism()
        keras.ops.zeros(1)  # The backend opens its devices now, not in the first trial.
