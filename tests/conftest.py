"""Shared by all tests."""

import os

# TensorFlow's threads fight over the cores of a small machine; the models here are tiny.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")
