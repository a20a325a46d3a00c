"""For tests that start processes."""

import os


def environment(**others):
    """This process's environment but for what libraries have set in it, and `others`.

    jax sets how much TensorFlow says; processes that are started make up their own mind.
    """
    own = {name: v for name, v in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return {**own, **others}
