"""Gaussian processes over mixed, conditional and growing spaces, in NumPy and SciPy."""
