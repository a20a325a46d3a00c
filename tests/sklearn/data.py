"""Data for the tests of the scikit-learn side."""

import numpy as np


def blobs(classes=2, samples=60, features=4, seed=0):
    """Samples around as many centres as there are classes: `(n, features)` and `(n,)`."""
    rng = np.random.default_rng(seed)
    y = np.arange(samples) % classes
    centres = rng.normal(size=(classes, features), scale=2.0)
    return centres[y] + rng.normal(size=(samples, features)), y
