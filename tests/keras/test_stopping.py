import time

import keras
import numpy as np

from kerastune_lite._src.keras.stopping import StopAt, stopping_callbacks


def epochs_of(callbacks):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x = np.ones((4, 1))
    fitted = model.fit(x, x, validation_data=(x, x), epochs=9, verbose=0, callbacks=callbacks)
    return len(fitted.epoch)


def test_a_training_ends_after_the_epoch_in_which_the_moment_passed():
    assert epochs_of([StopAt(time.monotonic() - 1.0)]) == 1
    assert epochs_of([StopAt(time.monotonic() + 60.0)]) == 9


def test_a_training_that_does_not_improve_ends():
    assert epochs_of(stopping_callbacks(2, None)) == 3
    assert len(stopping_callbacks(2, 5.0)) == 2
