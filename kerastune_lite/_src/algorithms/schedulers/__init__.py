"""Schedulers decide for how many epochs each trial trains, and which trials stop early."""
