"""Keras without the notes that TensorFlow writes while it is loaded."""

import os


def load_keras():
    """The `keras` module."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Some of the notes come before TensorFlow has read it.
    saved = os.dup(2)
    with open(os.devnull, "w") as null:
        os.dup2(null.fileno(), 2)
    try:
        import keras
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    return keras
